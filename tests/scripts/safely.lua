-- A session is ended whichever way its work goes.
local function safely(work)
  local id = Session.create({ name = "Safe" })
  local ok, fault = pcall(work)
  if ok then Session.complete(id) else Session.fail(id, tostring(fault)) end
  return id
end
assert(Session.get(safely(function() end)).status == "completed")
local broken = Session.get(safely(function()
  error("no luck")
end))
assert(broken.status == "failed" and broken.reason == "safely.lua:10: no luck", broken.reason)
