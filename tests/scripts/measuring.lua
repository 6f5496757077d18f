-- Time and memory can be measured; what the work returned or threw stays its own.
local id = Session.create()
local function measured(name, work)
  local time, memory = os.clock(), collectgarbage("count")
  local ok, result = pcall(work)
  local found = { operation = name, success = ok, seconds = os.clock() - time, kilobytes = collectgarbage("count") - memory }
  Artifact.store(id, "system_generated", "perf_" .. name .. ".json", JSON.stringify(found), { tags = { "metrics" } })
  if not ok then error(result) end
  return result
end
assert(measured("waiting", function() os.execute("sleep 0.02") return 5 end) == 5)
assert(not pcall(measured, "failing", function() error("no") end))
local waiting = JSON.parse(Artifact.get(id, Artifact.query({ session_id = id, name = "perf_waiting.json" })[1].id).content)
assert(waiting.success and waiting.seconds >= 0.02 and waiting.seconds < 5 and waiting.kilobytes > 0)
assert(#Artifact.query({ session_id = id, tags = { "metrics" } }) == 2)
