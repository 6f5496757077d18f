-- One session publishes by artifacts; another finds them by tags and time.
local function publish(topic, message)
  local id = Session.create({ name = "Publisher-" .. topic, tags = { "publisher", topic } })
  local input = { topic = topic, message = message, timestamp = os.time(), publisher = Session.getCurrent() }
  local text = Tool.execute("json-processor", { operation = "stringify", input = input }).result
  Artifact.store(id, "system_generated", "message_" .. os.time() .. ".json", text, { topic = topic, tags = { "message", topic } })
  Session.complete(id)
end
local function read(topic, since)
  local messages = {}
  for _, publisher in ipairs(Session.list({ tags = { "publisher", topic } })) do
    for _, artifact in ipairs(Artifact.query({ session_id = publisher.id, tags = { topic }, created_after = since or 0 })) do
      local found = Artifact.get(publisher.id, artifact.id)
      messages[#messages + 1] = Tool.execute("json-processor", { operation = "parse", input = found.content }).result.message
    end
  end
  table.sort(messages)
  return table.concat(messages, " ")
end
publish("news", "one")
publish("news", "two")
publish("weather", "rain")
assert(read("news") == "one two" and read("weather", os.time() - 60) == "rain" and read("news", os.time() + 60) == "")
