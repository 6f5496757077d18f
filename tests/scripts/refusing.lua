-- What a function does not know is refused, and not left out.
local id = Session.create({ name = "refusing" })
local function refused(words, call, ...)
  local ok, fault = pcall(call, ...)
  assert(not ok and tostring(fault):find(words, 1, true), words .. ", not: " .. tostring(fault))
end
refused('Unknown "nam" in the options of Session.create', Session.create, { nam = "x" })
refused('Unknown "bogus" in the query of Session.list', Session.list, { bogus = 1 })
refused("limit must be a whole number, 0 or more", Session.list, { limit = -1 })
refused("offset must be a whole number, 0 or more", Session.list, { offset = -5 })
refused("limit must be a whole number, 0 or more", Session.list, { limit = 1.5 })
refused('Unknown "typ" in the query of Artifact.query', Artifact.query, { session_id = id, typ = "x" })
refused("min_size must be a whole number", Artifact.query, { session_id = id, min_size = -1 })
refused("Unknown replay mode: bogus", Replay.createConfig, "bogus")
refused("the mode must be a text", Replay.create_config, { mode = "bogus" })
refused('Unknown "stop" in the configuration of a replay', Session.replay, id, { stop = true })
refused("the content must be given", Topic.publish, "refusing", nil)
refused("the content must be given", Topic.publish, "refusing")
refused('Unknown "afte" in the options', Topic.messages, "refusing", { afte = 1 })
refused("wait_seconds must be 0 or more", Topic.receive, "refusing", "me", { wait_seconds = -1 })
refused("os.exit takes a whole number", os.exit, "x")
refused("os.exit takes a whole number", os.exit, 1.5)
assert(#Session.list({ limit = 0 }) == 0 and #Artifact.query({ session_id = id, limit = 0 }) == 0)

-- All that rs-llmspell's guide and its programs name is taken.
Session.list({
  status = "active", tags = { "a" }, parent_session_id = id, created_after = 0, created_before = os.time(),
  search_text = "x", limit = 1, offset = 0, sort_by = "name", sort_desc = true,
})
Session.create({ name = "n", description = "d", tags = { "a" }, metadata = { any = 1 }, parent_session_id = id })
Session.replay(id, { mode = "exact", compare_results = true, timeout_seconds = 300, stop_on_error = false, metadata = {} })
Artifact.query({
  session_id = id, type = "user_input", tags = { "a" }, name_pattern = "*.csv", created_after = 0,
  created_before = os.time(), min_size = 1, max_size = 2, limit = 10,
})
assert(Replay.createConfig().mode == "exact" and Replay.create_config("debug").timeout_seconds == 300)

-- And what is wrong is told with the line that it is in.
refused("refusing.lua:39: a builder is called with a colon", function() Session.builder().name("x") end)
refused("refusing.lua:40: a builder is called with a colon", function() Session.builder().build() end)
refused("refusing.lua:41: tags must be a list", function() Session.builder():tags("x"):tag("y") end)
