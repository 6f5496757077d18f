-- Queries go by type, tags, names, times and sizes.
local id = Session.create()
for i, name in ipairs { "a.csv", "b.csv", "c.txt" } do
  Artifact.store(id, i == 2 and "tool_result" or "user_input", name, ("x"):rep(i * 1000), { tags = { "report", "n" .. i } })
end
local function count(query)
  query.session_id = id
  return #Artifact.query(query)
end
assert(count({}) == 3 and count({ type = "user_input" }) == 2 and count({ tags = { "report", "n2" } }) == 1)
assert(count({ name_pattern = "*.csv" }) == 2 and count({ name_pattern = "csv" }) == 2 and count({ name_pattern = "?.txt" }) == 1)
assert(count({ created_after = os.time() - 3600, created_before = os.time() }) == 3)
assert(count({ created_before = os.time() - 3600 }) == 0 and count({ created_after = os.date("!%Y-01-01") }) == 3)
assert(count({ min_size = 2000, max_size = 3000 }) == 2 and count({ limit = 2 }) == 2)
assert(not pcall(Artifact.query, { session_id = id, created_after = "yesterday" }))

for _, artifact in ipairs(Artifact.query({ session_id = id, name_pattern = "*.csv" })) do
  Artifact.delete(id, artifact.id)
end
assert(count({}) == 1)
