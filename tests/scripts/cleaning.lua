-- Old sessions are found by when they last changed, and emptied.
local old = Session.create()
Artifact.store(old, "user_input", "a.txt", "a")
Session.complete(old)
local emptied = 0
for _, session in ipairs(Session.list()) do
  local seen = Session.get(session.id)
  if (seen.status == "completed" or seen.status == "failed") and seen.updated_at < os.time() + 1 then
    for _, artifact in ipairs(Artifact.list(session.id)) do
      Artifact.delete(session.id, artifact.id)
      emptied = emptied + 1
    end
  end
end
assert(emptied >= 1 and #Artifact.list(old) == 0)
