-- Templates of sessions are tables.
local templates = { training = { prefix = "Training-", tags = { "ml" }, metadata = { gpu = true, interval = 1000 } } }
local function from(name, own)
  local template = templates[name] or error("Unknown template: " .. name)
  return Session.create({ name = template.prefix .. own, tags = template.tags, metadata = template.metadata })
end
local made = Session.get(from("training", "one"))
assert(made.name == "Training-one" and made.metadata.gpu == true and made.metadata.interval == 1000)
assert(not pcall(from, "nothing", "one"))
