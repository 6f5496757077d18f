-- A session can be gone through again.
local id = Session.create()
local seen = Session.get(id)
seen.replay_enabled = true
local context = { start_time = os.time(), environment = {}, parameters = {} }
Artifact.store(id, "system_generated", "replay_context.json", JSON.stringify(context), { replay_metadata = true })
assert(Session.canReplay(id) and Session.can_replay(id))
local report = Session.replay(id, { mode = "exact", stop_on_error = true, timeout_seconds = 60 })
assert(report.session_id == id and report.hooks_replayed == 2 and report.successful_replays == 2 and report.failed_replays == 0)
assert(Session.get_replay_metadata(id).total_hooks == 2 and #Session.list_replayable() >= 1)
assert(Replay.run(id, Replay.create_config(Replay.modes.simulate)).failed_replays == 0)
assert(Replay.verify(id).ok and Replay.can_replay(id))
local ok, fault = pcall(Session.replay, id, { mode = "backwards" })
assert(not ok and fault:find("Unknown replay mode: backwards"))
for _, seconds in ipairs { 0, 3601, 1e9 } do
  ok, fault = pcall(Replay.run, id, { timeout_seconds = seconds })
  assert(not ok and fault:find("timeout_seconds must be 1 to 3600"))
end
