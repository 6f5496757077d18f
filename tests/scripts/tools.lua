-- Tools are called by name; what they do not manage is told, and not thrown.
local roots_file = ...
assert(Tool.execute("hash", { input = "abc" }).result:sub(1, 8) == "ba7816bf")
assert(Tool.execute("hash", { algorithm = "blake3", input = "abc" }).result:sub(1, 8) == "6437b3ac")
assert(Tool.execute("hash", { operation = "verify", algorithm = "md5", input = "a", expected = "0CC175B9C0F1B6A831C399E269772661" }).result)
assert(Tool.execute("template", { template = "{{#names}}<{{.}}>{{/names}}", context = { names = { "a", "b" } } }).result == "<a><b>")
assert(Tool.execute("file", { operation = "read", path = "data.csv" }).result == "a,b\n1,2\n")
assert(Tool.execute("file", { operation = "list", path = "." }).result[1].name == "data.csv")
assert(not Tool.execute("file", { path = "../secret.txt" }).success)
assert(not Tool.execute("file", { path = "/etc/hostname" }).success)
assert(not Tool.execute("file", { path = "out/hostname" }).success)
assert(not Tool.execute("json-processor", { operation = "parse", input = "{" }).success)
local ok, fault = pcall(Tool.execute, "http", { url = "http://127.0.0.1:1/" })
assert(not ok and fault:find("is off"))
assert(not pcall(Tool.execute, "nothing", {}))
assert(Tool.exists("hash") and Tool.exists("file") and not Tool.exists("http") and not Tool.exists("nothing"))
assert(Tool.exists("infsh/session-test.increment") and not Tool.exists("infsh/session-test.nothing"))
local names = {}
for _, tool in ipairs(Tool.list()) do names[tool.name] = true end
assert(names["hash"] and names["infsh/session-test.increment"] and not names["http"])
