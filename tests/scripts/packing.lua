-- What is large is packed before it is stored.
local id, large = Session.create(), ("data"):rep(100000)
for _, algorithm in ipairs { "gzip", "zstd", "brotli" } do
  local packed = Tool.execute("compression", { operation = "compress", algorithm = algorithm, input = large })
  assert(packed.success and #packed.result < #large / 100)
  local stored = Artifact.store(id, "user_input", "large." .. algorithm, packed.result, {
    original_size = #large,
    compression_ratio = #packed.result / #large,
  })
  local content = Artifact.get(id, stored).content
  local unpacked = Tool.execute("compression", { operation = "decompress", algorithm = algorithm, input = content })
  assert(unpacked.result == large)
end
local broken = Tool.execute("compression", { operation = "decompress", input = "no gzip" })
assert(not broken.success and type(broken.error) == "string" and broken.result == nil)
