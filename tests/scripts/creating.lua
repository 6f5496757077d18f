-- Sessions begin with nothing, with all that is said of them, and as children.
local plain = Session.create()
assert(type(plain) == "string" and Session.get(plain).status == "active")

local full = Session.create({
  name = "Sales",
  description = "The fourth quarter",
  tags = { "analysis", "sales" },
  metadata = { department = "Sales", analyst = "jane@example.com", nested = { list = { 1, 2 } } },
})
local seen = Session.get(full)
assert(seen.id == full and seen.name == "Sales" and seen.description == "The fourth quarter")
assert(table.concat(seen.tags, ",") == "analysis,sales")
assert(seen.metadata.analyst == "jane@example.com" and seen.custom_metadata.nested.list[2] == 2)
assert(seen.created_at <= os.time() and seen.updated_at > os.time() - 60)
assert(os.date("%Y", seen.created_at) == os.date("%Y"))

local child = Session.create({ name = "Validation", parent_session_id = full })
assert(Session.get(child).parent_session_id == full)
local children = Session.list({ parent_session_id = full })
assert(#children == 1 and children[1].id == child)

local bounded = Session.create({ limits = { calls = 5, error_rate = { over = 0.5, action = "fail" } }, apps = { "data-processor" } })
assert(Session.get(bounded).status == "active")
assert(not pcall(Session.create, { limits = { steps = 5 } }) and not pcall(Session.create, { template = "nobody's" }))

local built = Session.builder():name("Built"):description("By parts"):tag("a"):tags({ "b" }):tag("c"):build()
assert(Session.get(built).name == "Built" and #Session.list({ tags = { "b", "c" } }) == 1)
