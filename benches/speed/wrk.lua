-- Sends the requests that environment variables describe, and prints the result as JSON. Each request gets new values
-- of the placeholders {user}, {other} and {latest}.

local users = tonumber(os.getenv("SPEED_USERS"))
local seed = tonumber(os.getenv("SPEED_SEED"))
local user, other, latest

local function list(text)
  local items, count = {}, 0
  for item in text:gmatch("[^\t]+") do
    items[count] = item
    count = count + 1
  end
  return items
end

-- Returns a function that renders the template with the first names of `names`.
local function renderer(template, names)
  local function name(number)
    return names[number % 10] .. string.format("%06d", number)
  end
  local fillers = {
    user = function() return name(user) end,
    other = function() return name(other) end,
    latest = function() return string.format("%d", latest) end,
  }
  local parts = {}
  local position = 1
  for before, key, after in template:gmatch("()%{(%l+)%}()") do
    parts[#parts + 1] = template:sub(position, before - 1)
    parts[#parts + 1] = fillers[key]
    position = after
  end
  parts[#parts + 1] = template:sub(position)
  if #parts == 1 then
    return function() return template end
  end
  return function()
    local rendered = {}
    for index, part in ipairs(parts) do
      rendered[index] = type(part) == "string" and part or part()
    end
    return table.concat(rendered)
  end
end

local method = os.getenv("SPEED_METHOD")
local headers = os.getenv("SPEED_HEADERS")
local path = renderer(os.getenv("SPEED_PATH"), list(os.getenv("SPEED_PATH_NAMES")))
local body = renderer(os.getenv("SPEED_BODY"), list(os.getenv("SPEED_JSON_NAMES")))
local start = method .. " "
local head = " HTTP/1.1\r\n" .. headers

-- Each thread has its own number, and so its own random users.
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  math.randomseed(seed * 16 + number)
  -- Values of `latest` also increase from load to load.
  latest = seed * 16000000 + number * 1000000
end

-- Creates a request with placeholders. wrk itself creates a request without placeholders, once.
local function random_request()
  user = math.random(users)
  other = (user + math.random(0, users - 2)) % users + 1
  latest = latest + 1
  local text = body()
  local length = text == "" and "" or "Content-Length: " .. #text .. "\r\n"
  return table.concat({ start, path(), head, length, "\r\n", text })
end

if os.getenv("SPEED_PATH"):find("{", 1, true) then
  request = random_request
else
  wrk.method = method
  wrk.path = path()
  for name, value in headers:gmatch("([^:\r\n]+): ([^\r\n]+)") do
    wrk.headers[name] = value
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'outcome {"requests":%d,"seconds":%f,"errors":%d,"p50_ms":%f,"p99_ms":%f,"max_ms":%f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
