-- Long work leaves what it has after each step.
local id = Session.create()
for i, step in ipairs { "validate", "transform" } do
  local state = { step = step, step_number = i, result = { rows = i * 10 }, timestamp = os.time() }
  local text = Tool.execute("json-processor", { operation = "stringify", input = state }).result
  Artifact.store(id, "system_generated", "checkpoint_" .. step .. ".json", text, {
    checkpoint = true,
    step_name = step,
    processing_time_ms = 1234,
    tags = { "checkpoint", step },
  })
  Session.save(id)
end
local last = Artifact.query({ session_id = id, tags = { "checkpoint", "transform" } })[1]
assert(last.metadata.checkpoint == true and last.custom.processing_time_ms == 1234)
local found = JSON.parse(Artifact.get(id, last.id).content)
assert(found.step_number == 2 and found.result.rows == 20)
