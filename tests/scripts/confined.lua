-- A script has what Lua can do by itself, its folder's modules, and nothing else.
assert(io == nil and dofile == nil and loadfile == nil and os.remove == nil and os.rename == nil and os.tmpname == nil)
assert(os.getenv("HOME") == nil and os.getenv("PATH") == nil and debug.getregistry == nil)
assert(package.loadlib == nil and not pcall(require, "io"))
assert(require("parts.sums").double(21) == 42 and require("parts") == "the folder itself")
assert(require("parts.sums") == require("parts.sums"))
for _, name in ipairs { "../secret", "..secret", "/etc/hostname", "parts/../../secret", "away", "parts.broken" } do
  assert(not pcall(require, name), name)
end
local _, fault = pcall(require, "parts.broken")
assert(fault:find("parts/broken.lua:2:"), fault)
assert(arg[0] == "confined.lua" and arg[1] == "one" and select("#", ...) == 2)
assert(load("return 1 + 1")() == 2)
