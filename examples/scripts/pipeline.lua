#!/usr/bin/env sojourn
-- A pipeline in steps. Each leaves what it made, so that it can be taken up where it stopped:
--   sojourn run pipeline.lua --data data -- "month,sum" "may,12" "june,30"

local lines = { table.unpack(arg) }
assert(#lines > 1, "give the lines of a table, its head first")

local steps = {
  { name = "parse", run = function()
    local rows = {}
    for i = 2, #lines do
      local month, sum = lines[i]:match("^(%a+),(%d+)$")
      rows[#rows + 1] = { month = month or error("line " .. i .. " is no row"), sum = tonumber(sum) }
    end
    return rows
  end },
  { name = "total", run = function(rows)
    local total = 0
    for _, row in ipairs(rows) do total = total + row.sum end
    return { total = total, months = #rows }
  end },
  { name = "report", run = function(found)
    return Tool.execute("template", { template = "{{total}} in {{months}} months", context = found }).result
  end },
}

local id = Session.create({ name = "Pipeline", tags = { "pipeline" }, metadata = { lines = #lines } })
Session.setCurrent(id)

local ok, fault = pcall(function()
  local made
  for i, step in ipairs(steps) do
    made = step.run(made)
    Artifact.store("", "tool_result", step.name .. ".json", JSON.stringify(made), {
      step = i,
      tags = { "checkpoint", step.name },
    })
    State.set("done", step.name)
  end
  print(made)
end)

if ok then Session.complete(id) else Session.fail(id, tostring(fault)) end

local seen = Session.get(id)
print(seen.status, seen.reason or "", #Artifact.query({ session_id = id, name_pattern = "*.json" }) .. " artifacts")
os.exit(ok and 0 or 1)
