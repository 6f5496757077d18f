-- What is not there is nil.
assert(Session.get("some-uuid") == nil and Session.load("some-uuid") == nil and Session.get("no id at all!") == nil)
local id = Session.create()
assert(Session.load(id) == id)
