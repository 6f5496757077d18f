-- Artifacts are of text, of JSON, of bytes, and of files; what is said of them is where one looks.
local id, file = Session.create(), ...
local text = Artifact.store(id, "user_input", "report.txt", "Quarterly", {
  author = "John Doe",
  tags = { "report", "q4" },
  mime_type = "text/plain",
  version = "1.0",
})
local seen = Artifact.get(id, text)
assert(seen and seen.content == "Quarterly" and seen.metadata.author == "John Doe" and seen.metadata.version == "1.0")
assert(seen.version == 1 and seen.mime_type == "text/plain" and seen.artifact_type == "user_input")
assert(seen.id == text and #seen.content_hash == 64 and seen.session_id == id)

local json = Tool.execute("json-processor", { operation = "stringify", input = { key = "value" } }).result
assert(json == '{"key":"value"}' and JSON.parse(json).key == "value" and JSON.stringify({ 1, 2 }) == "[1,2]")
Artifact.store(id, "tool_result", "config.json", json)

local bytes = {}
for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
bytes = table.concat(bytes)
local binary = Artifact.store(id, "of_my_own", "all.bin", bytes)
assert(Artifact.get(id, binary).content == bytes)

local stored = Artifact.storeFile(id, file, "user_input", { uploaded_by = "user@example.com" })
assert(Artifact.get(id, stored).name == "data.csv" and Artifact.get(id, stored).content == "a,b\n1,2\n")
assert(not pcall(Artifact.store_file, id, "/etc/hostname", "user_input"))

local names = {}
for i, artifact in ipairs(Artifact.list(id)) do names[i] = artifact.name .. " " .. artifact.size end
print(table.concat(names, ", "))
assert(Artifact.get(id, "artifact_0000000000000000") == nil and Artifact.get(id, "anything") == nil)
assert(not pcall(Artifact.store, id, "", "name", "content"))
assert(not pcall(Artifact.store, id, "user_input", "name", {}))
