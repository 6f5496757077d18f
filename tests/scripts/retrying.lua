-- What fails is tried again after a while, and each failure is kept.
local function attempt(works_at)
  local id = Session.create({ metadata = { retry_count = 0 } })
  for n = 1, 3 do
    local ok, fault = pcall(function()
      if n < works_at then error("attempt " .. n) end
    end)
    if ok then
      Session.complete(id)
      return id
    end
    Artifact.store(id, "system_generated", string.format("error_attempt_%d.txt", n), tostring(fault), { attempt = n })
    if n < 3 then assert(os.execute("sleep 0.01")) end
  end
  Session.fail(id, "Max retries exceeded")
  return id
end
local second, never = attempt(2), attempt(9)
assert(Session.get(second).status == "completed" and #Artifact.list(second) == 1)
assert(Session.get(never).reason == "Max retries exceeded" and #Artifact.list(never) == 3)
assert(not pcall(os.execute, "echo no"))
