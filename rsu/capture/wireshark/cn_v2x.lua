-- Wireshark/tshark dissector for Chinese C-V2X packets: DSMP, security envelope, message.
-- Network layer: YD/T 3707-2020. Envelope: YD/T 3957-2021 (COER). Messages: T/CSAE 53-2020, T/CSAE 157-2020 (UPER).
-- Loaded with  tshark -X lua_script:cn_v2x.lua  or from Wireshark's folder of personal Lua plugins.

local cnv2x = Proto("cnv2x", "Chinese C-V2X (DSMP)")

local AIDS = {
  [111] = "BSM", [112] = "BSM, event", [113] = "BSM, emergency vehicle", [114] = "BSM, emergency vehicle, event",
  [3617] = "BSM, aftermarket", [3618] = "MAP", [3619] = "SPAT", [3620] = "RSI, static", [3621] = "RSI, semi-static",
  [3622] = "RSI, dynamic", [3623] = "RSM", [3627] = "certificate management", [3628] = "revocation list",
  [3629] = "misbehaviour",
}
local PROTOCOL_TYPES = { [0] = "IPv6", [4] = "DSMP", [5] = "IPv4" }
local DAY_ONE = { [0] = "BSM", "MAP", "RSM", "SPAT", "RSI" }
-- SSM and CPM (the platooning message CLPMM) mean other things in other sets: the standard's number is their prefix.
local DAY_TWO = {
  [0] = "TEST", [10] = "RTCM", [11] = "RSC", [12] = "C157-SSM", [13] = "VIR", [14] = "PAM", [15] = "PSM",
  [16] = "C157-CPM", [17] = "VPM",
}
local LIGHTS = {
  [0] = "unavailable", "dark", "flashing red", "red", "flashing green", "permissive green", "protected green",
  "yellow", "flashing yellow",
}
local PARTICIPANTS = { [0] = "unknown", "motor", "non-motor", "pedestrian", "rsu" }
local EQUIPMENT = { [0] = "unknown", "rsu", "obu", "vru" }

-- Seconds from 1970 to 2004, less the leap seconds that atomic time has counted since (unchanged from 2017 on).
local GENERATION_EPOCH_S = 1072915200 - 5

local F = {
  type = ProtoField.uint8("cnv2x.type", "Protocol type", base.DEC, PROTOCOL_TYPES),
  version = ProtoField.uint8("cnv2x.version", "DSMP version"),
  extensions = ProtoField.uint8("cnv2x.extensions", "Extension elements"),
  extension = ProtoField.bytes("cnv2x.extension", "Extension element"),
  aid = ProtoField.uint32("cnv2x.aid", "AID", base.DEC, AIDS),
  length = ProtoField.uint16("cnv2x.length", "Data length"),
  envelope = ProtoField.string("cnv2x.envelope", "Envelope"),
  hash = ProtoField.uint8("cnv2x.hash", "Hash identifier"),
  signed_aid = ProtoField.uint32("cnv2x.signed_aid", "Signed AID", base.DEC, AIDS),
  generation_time = ProtoField.uint64("cnv2x.generation_time", "Generation time (us of atomic time since 2004)"),
  generation_utc = ProtoField.absolute_time("cnv2x.generation_utc", "Generation time", base.UTC),
  signer = ProtoField.string("cnv2x.signer", "Signer"),
  digest = ProtoField.bytes("cnv2x.digest", "Certificate digest"),
  certificates = ProtoField.uint32("cnv2x.certificates", "Certificates"),
  signature = ProtoField.bytes("cnv2x.signature", "Signature"),
  message = ProtoField.string("cnv2x.message", "Message"),
  message_id = ProtoField.uint16("cnv2x.message_id", "Message id"),
  msgcnt = ProtoField.uint8("cnv2x.msgcnt", "Message count"),
  id = ProtoField.string("cnv2x.id", "Id"),
  secmark = ProtoField.uint16("cnv2x.secmark", "Millisecond of the minute"),
  moy = ProtoField.uint32("cnv2x.moy", "Minute of the year"),
  lat = ProtoField.double("cnv2x.lat", "Latitude"),
  lon = ProtoField.double("cnv2x.lon", "Longitude"),
  elevation = ProtoField.double("cnv2x.elevation", "Elevation"),
  speed = ProtoField.double("cnv2x.speed", "Speed"),
  heading = ProtoField.double("cnv2x.heading", "Heading"),
  unavailable = ProtoField.string("cnv2x.unavailable", "Unavailable"),
  name = ProtoField.string("cnv2x.name", "Name"),
  region = ProtoField.uint16("cnv2x.region", "Region"),
  node = ProtoField.uint16("cnv2x.node", "Node"),
  count = ProtoField.uint16("cnv2x.count", "Elements"),
  phase = ProtoField.uint8("cnv2x.phase", "Phase"),
  light = ProtoField.string("cnv2x.light", "Light"),
  likely_end = ProtoField.double("cnv2x.likely_end", "Likely end"),
  event_type = ProtoField.uint16("cnv2x.event_type", "Event type"),
  sign_type = ProtoField.uint16("cnv2x.sign_type", "Sign type"),
  equipment = ProtoField.string("cnv2x.equipment", "Equipment"),
  ptc_id = ProtoField.uint16("cnv2x.ptc.ptcid", "Participant"),
  ptc_type = ProtoField.string("cnv2x.ptc.type", "Participant type"),
  ptc_bsm = ProtoField.string("cnv2x.ptc.id", "Id"),
  ptc_lat = ProtoField.double("cnv2x.ptc.lat", "Latitude"),
  ptc_lon = ProtoField.double("cnv2x.ptc.lon", "Longitude"),
  ptc_speed = ProtoField.double("cnv2x.ptc.speed", "Speed"),
  ptc_heading = ProtoField.double("cnv2x.ptc.heading", "Heading"),
  platoon = ProtoField.string("cnv2x.platoon", "Platoon id"),
  content = ProtoField.bytes("cnv2x.content", "Message octets"),
}
local E = {
  short = ProtoExpert.new("cnv2x.truncated", "Octets end too early", expert.group.MALFORMED, expert.severity.ERROR),
  range = ProtoExpert.new("cnv2x.range", "Number outside its range", expert.group.MALFORMED, expert.severity.WARN),
  open = ProtoExpert.new("cnv2x.undecoded", "Not dissected", expert.group.UNDECODED, expert.severity.NOTE),
}
local function values(from)
  local list = {}
  for _, value in pairs(from) do list[#list + 1] = value end
  return list
end
cnv2x.fields = values(F)
cnv2x.experts = values(E)
cnv2x.prefs.map_layout = Pref.enum("MAP layout", 1, "How many nodes a MAP may hold: the two families differ",
  { { 1, "csae53-2020", 1 }, { 2, "ydt3709-2020", 2 } }, false)

-- A walk over the bits of one message; every item it adds covers the octets its bits stand in.

local SHORT = { note = "octets end too early" }
local function give_up(note) error({ note = note }, 0) end

local Walk = {}
Walk.__index = Walk

local function new_walk(tvb, tree, first, octets, info)
  return setmetatable({
    tvb = tvb, tree = tree, raw = octets > 0 and tvb(first, octets):raw() or "", first = first, bit = 0, info = info,
  }, Walk)
end

function Walk:bits(count)
  if self.bit + count > 8 * #self.raw then error(SHORT, 0) end
  local value, left = 0, count
  while left > 0 do
    local inside = self.bit % 8
    local take = math.min(8 - inside, left)
    local octet = self.raw:byte(math.floor(self.bit / 8) + 1)
    local part = math.floor(octet / 2 ^ (8 - inside - take)) % 2 ^ take
    value = value * 2 ^ take + part
    self.bit, left = self.bit + take, left - take
  end
  return math.floor(value)
end

function Walk:skip(count)
  if self.bit + count > 8 * #self.raw then error(SHORT, 0) end
  self.bit = self.bit + count
end

function Walk:flag() return self:bits(1) == 1 end

function Walk:flags(count)
  local present = {}
  for index = 1, count do present[index] = self:flag() end
  return table.unpack(present)
end

function Walk:octets(from)
  local first, last = math.floor(from / 8), math.floor((self.bit - 1) / 8)
  return self.tvb(self.first + first, math.max(last - first + 1, 1))
end

function Walk:add(field, from, value) return self.tree:add(field, self:octets(from), value) end

function Walk:say(...) self.info[#self.info + 1] = string.format(...) end

-- An integer with a unit: read, scaled, shown unless it is the code of "unavailable"; nil then.
function Walk:quantity(label, field, count, low, high, step, unit, unavailable, digits)
  local from = self.bit
  local wire = self:bits(count) + low
  if wire == unavailable then
    self:add(F.unavailable, from, label:lower()):set_text(label .. ": unavailable")
    return nil
  end
  local item = self:add(field, from, wire * step)
  item:set_text(string.format("%s: %." .. digits .. "f%s", label, wire * step, unit))
  if wire > high then item:add_proto_expert_info(E.range, label .. " is outside its range") end
  return wire
end

function Walk:number(field, count)
  local from = self.bit
  local value = self:bits(count)
  self:add(field, from, value)
  return value
end

function Walk:hex(field, count)
  local from, text = self.bit, {}
  for index = 1, count do text[index] = string.format("%02x", self:bits(8)) end
  self:add(field, from, table.concat(text))
  return table.concat(text)
end

-- Enumeration with a marker: root value or nil for an addition.
function Walk:enumeration(count)
  if not self:flag() then return self:bits(count) end
  self:small()
  return nil
end

function Walk:named(field, count, names)
  local from = self.bit
  local value = self:enumeration(count)
  local name = value and (names[value] or string.format("%d", value)) or "later addition"
  self:add(field, from, name)
  return name
end

-- Normally small number (X.691 11.6), as far as it is small.
function Walk:small()
  if self:flag() then give_up("addition beyond the 64th") end
  return self:bits(6)
end

-- Length of an open type in octets (X.691 11.9); fragments are not followed.
function Walk:length()
  if not self:flag() then return self:bits(7) end
  if self:flag() then give_up("content in fragments") end
  return self:bits(14)
end

function Walk:additions(present)
  if not present then return end
  if self:flag() then give_up("addition beyond the 64th") end
  local shown = 0
  for _ = 1, self:bits(6) + 1 do shown = shown + self:bits(1) end
  for _ = 1, shown do self:skip(8 * self:length()) end
end

function Walk:msgcnt() self:say("msgCnt=%d", self:number(F.msgcnt, 7)) end
function Walk:station() self:say("id=%s", self:hex(F.id, 8)) end

function Walk:secmark()
  local from, value = self.bit, self:bits(16)
  if value < 61000 then
    self:add(F.secmark, from, value)
  else
    self:add(F.unavailable, from, "millisecond of the minute"):set_text("Millisecond of the minute: unavailable")
  end
end

function Walk:minute() self:quantity("Minute of the year", F.moy, 20, 0, 527040, 1, "", 527040, 0) end

function Walk:position(quiet)
  local elevation = self:flag()
  local lat = self:quantity("Latitude", F.lat, 31, -900000000, 900000001, 1e-7, " deg", 900000001, 7)
  local lon = self:quantity("Longitude", F.lon, 32, -1799999999, 1800000001, 1e-7, " deg", 1800000001, 7)
  if elevation then self:quantity("Elevation", F.elevation, 16, -4096, 61439, 0.1, " m", -4096, 1) end
  if lat and lon and not quiet then self:say("at %.6f,%.6f", lat * 1e-7, lon * 1e-7) end
  return lat, lon
end

function Walk:motion(speed_field, heading_field, quiet)
  local speed = self:quantity("Speed", speed_field, 13, 0, 8191, 0.02, " m/s", 8191, 2)
  local heading = self:quantity("Heading", heading_field, 15, 0, 28800, 0.0125, " deg", 28800, 4)
  if speed and not quiet then self:say("%.2f m/s", speed * 0.02) end
  if heading and not quiet then self:say("heading %.1f deg", heading * 0.0125) end
end

function Walk:reference()
  local region = self:flag()
  if region then self:number(F.region, 16) end
  self:say("node=%d", self:number(F.node, 16))
end

-- IA5String (SIZE (1..63))
function Walk:text()
  local from, letters = self.bit, {}
  for index = 1, self:bits(6) + 1 do
    local code = self:bits(7)
    letters[index] = code >= 32 and code < 127 and string.char(code) or "."
  end
  self:add(F.name, from, table.concat(letters))
end

function Walk:confidence_set()
  local elevation = self:flag()
  self:skip(elevation and 8 or 4)
end

-- PositionOffsetLLV: shown as the position it means, if the reference position is known.
function Walk:offset(lat_field, lon_field, lat, lon)
  local from, height = self.bit, self:flag()
  local kind = self:bits(3)
  if kind == 7 then give_up("unknown kind of offset") end
  local width = ({ [0] = 12, 14, 16, 18, 22, 24 })[kind]
  local east = width and lon and lon + self:bits(width) - 2 ^ (width - 1)
  local north = width and lat and lat + self:bits(width) - 2 ^ (width - 1)
  if not width then
    east, north = self:bits(32) - 1799999999, self:bits(31) - 900000000
    if east == 1800000001 or north == 900000001 then east = nil end
  elseif not (lat and lon) then
    self.bit = from + 4
    self:skip(2 * width)
  end
  if east and north then
    self:add(lat_field, from, north * 1e-7):set_text(string.format("Latitude: %.7f deg", north * 1e-7))
    self:add(lon_field, from, east * 1e-7):set_text(string.format("Longitude: %.7f deg", east * 1e-7))
  end
  if height then
    local rise = ({ [0] = 7, 8, 9, 10, 11, 12, 16 })[self:bits(3)]
    if not rise then give_up("unknown kind of offset") end
    self:skip(rise)
  end
end

function Walk:inside(label, from, action)
  local outer = self.tree
  self.tree = outer:add(cnv2x, self.tvb(self.first + math.floor(from / 8), 0), label)
  local good, problem = pcall(action)
  self.tree:set_len(math.max(math.floor((self.bit - 1) / 8) - math.floor(from / 8) + 1, 0))
  self.tree = outer
  if not good then error(problem, 0) end
end

-- Messages: one function per kind, from the first bit of its SEQUENCE.

local MESSAGES = {}

function MESSAGES.BSM(walk)
  local _, time, accuracy, confidence = walk:flags(8)
  walk:msgcnt()
  walk:station()
  walk:secmark()
  if time then walk:skip(6) end
  walk:position()
  if accuracy then walk:skip(32) end
  if confidence then walk:confidence_set() end
  walk:skip(3)
  walk:motion(F.speed, F.heading)
end

function MESSAGES.MAP(walk)
  local _, stamped = walk:flags(2)
  walk:msgcnt()
  if stamped then walk:minute() end
  local from = walk.bit
  local nodes = walk:bits(cnv2x.prefs.map_layout == 2 and 5 or 6) + 1
  walk:add(F.count, from, nodes):set_text(string.format("Nodes: %d", nodes))
  walk:say("nodes=%d", nodes)
  from = walk.bit
  walk:inside("First node", from, function()
    local _, named = walk:flags(3)
    if named then walk:text() end
    walk:reference()
    walk:position()
  end)
end

local function participant(walk, lat, lon)
  local extended, known, transmission, angle, confidence, acceleration, class = walk:flags(7)
  walk:named(F.ptc_type, 3, PARTICIPANTS)
  walk:number(F.ptc_id, 16)
  walk:enumeration(3)
  if known then walk:hex(F.ptc_bsm, 8) end
  walk:skip(16)
  walk:offset(F.ptc_lat, F.ptc_lon, lat, lon)
  walk:confidence_set()
  if transmission then walk:skip(3) end
  walk:motion(F.ptc_speed, F.ptc_heading, true)
  if angle then walk:skip(8) end
  if confidence then
    local speed, heading, steering = walk:flags(3)
    walk:skip((speed and 3 or 0) + (heading and 3 or 0) + (steering and 2 or 0))
  end
  if acceleration then walk:skip(48) end
  local height = walk:flag()
  walk:skip(height and 29 or 22)
  if class then
    local more, fuel = walk:flags(2)
    walk:skip(fuel and 12 or 8)
    walk:additions(more)
  end
  walk:additions(extended)
end

function MESSAGES.RSM(walk)
  walk:skip(1)
  walk:msgcnt()
  walk:station()
  local lat, lon = walk:position()
  local from = walk.bit
  local count = walk:bits(4) + 1
  walk:add(F.count, from, count):set_text(string.format("Participants: %d", count))
  walk:say("participants=%d", count)
  for index = 1, count do
    walk:inside(string.format("Participant %d", index), walk.bit, function() participant(walk, lat, lon) end)
  end
end

local function timing(walk)
  if walk:flag() then
    walk:small()
    walk:skip(8 * walk:length())
    return
  end
  walk:skip(1)
  local earliest, latest, confidence, next_start, next_end = walk:flags(5)
  walk:skip(16 + (earliest and 16 or 0) + (latest and 16 or 0))
  walk:quantity("Likely end", F.likely_end, 16, 0, 36001, 0.1, " s", 36001, 1)
  walk:skip((confidence and 8 or 0) + (next_start and 16 or 0) + (next_end and 16 or 0))
end

local function phase(walk)
  walk:number(F.phase, 8)
  for _ = 1, walk:bits(4) + 1 do
    local extended, timed = walk:flags(2)
    walk:named(F.light, 4, LIGHTS)
    if timed then timing(walk) end
    walk:additions(extended)
  end
end

local function intersection(walk)
  local extended, minute, stamped, confidence = walk:flags(4)
  walk:reference()
  walk:skip(16)
  if minute then walk:minute() end
  if stamped then walk:secmark() end
  if confidence then walk:skip(6) end
  for _ = 1, walk:bits(4) + 1 do
    walk:inside("Phase", walk.bit, function() phase(walk) end)
  end
  walk:additions(extended)
end

function MESSAGES.SPAT(walk)
  local _, minute, stamped, named = walk:flags(4)
  walk:msgcnt()
  if minute then walk:minute() end
  if stamped then walk:secmark() end
  if named then walk:text() end
  local from = walk.bit
  local count = walk:bits(5) + 1
  walk:add(F.count, from, count):set_text(string.format("Intersections: %d", count))
  for index = 1, count do
    walk:inside(string.format("Intersection %d", index), walk.bit, function() intersection(walk) end)
  end
end

function MESSAGES.RSI(walk)
  local _, minute, events, signs = walk:flags(4)
  walk:msgcnt()
  if minute then walk:minute() end
  walk:station()
  walk:position()
  if events then
    local from = walk.bit
    local count = walk:bits(3) + 1
    walk:add(F.count, from, count):set_text(string.format("Events: %d", count))
    walk:skip(17)
    walk:say("event=%d", walk:number(F.event_type, 16))
  elseif signs then
    local from = walk.bit
    local count = walk:bits(4) + 1
    walk:add(F.count, from, count):set_text(string.format("Signs: %d", count))
    walk:skip(15)
    walk:say("sign=%d", walk:number(F.sign_type, 16))
  end
end

function MESSAGES.TEST(walk) walk:msgcnt() end

function MESSAGES.RTCM(walk)
  walk:skip(1)
  walk:msgcnt()
end

MESSAGES.VPM = MESSAGES.RTCM

function MESSAGES.PAM(walk)
  local _, stamped = walk:flags(3)
  walk:msgcnt()
  if stamped then walk:minute() end
end

function MESSAGES.RSC(walk)
  walk:skip(3)
  walk:msgcnt()
  walk:station()
  walk:secmark()
  walk:position()
end

function MESSAGES.VIR(walk)
  walk:skip(1)
  walk:msgcnt()
  walk:station()
  walk:secmark()
  walk:position()
end

MESSAGES["C157-SSM"] = function(walk)
  walk:skip(5)
  walk:msgcnt()
  walk:station()
  walk:named(F.equipment, 2, EQUIPMENT)
  walk:secmark()
  walk:position()
end

function MESSAGES.PSM(walk)
  local _, time = walk:flags(5)
  walk:msgcnt()
  walk:station()
  walk:secmark()
  if time then walk:skip(6) end
  walk:position()
  walk:skip(32)
  walk:motion(F.speed, F.heading)
end

MESSAGES["C157-CPM"] = function(walk)
  walk:skip(2)
  walk:msgcnt()
  walk:station()
  walk:secmark()
  walk:hex(F.platoon, 17)
end

-- MessageFrame: an index of three bits, or behind the marker an open type with a message id.
local function message_name(walk)
  if not walk:flag() then
    local index = walk:bits(3)
    return DAY_ONE[index] or string.format("unknown message %d", index)
  end
  local addition = walk:small()
  walk:length()
  if addition ~= 0 then return string.format("unknown addition %d", addition) end
  walk:skip(1)
  local id = walk:number(F.message_id, 15)
  walk:length()
  return DAY_TWO[id] or string.format("unknown message id %d", id)
end

-- Runs ``action``; octets that end too early, or a form not followed, become an expert note and a word for the info
-- column. Any other error is a fault of this script and passes.
local function guarded(tree, info, action)
  local good, problem = pcall(action)
  if good then return end
  if type(problem) ~= "table" or not problem.note then error(problem, 0) end
  tree:add_proto_expert_info(problem == SHORT and E.short or E.open, problem.note)
  info[#info + 1] = "[" .. problem.note .. "]"
end

local function dissect_message(tvb, tree, first, octets, info)
  local item = tree:add(cnv2x, tvb(first, octets), "Message")
  local walk = new_walk(tvb, item, first, octets, info)
  guarded(item, info, function()
    local name = message_name(walk)
    walk:add(F.message, 0, name)
    item:set_text("Message: " .. name)
    walk:say("%s", name)
    if not MESSAGES[name] then give_up("no layout for this message") end
    MESSAGES[name](walk)
  end)
  tree:add(F.content, tvb(first, octets))
end

-- Envelope (COER). A message may start with the same octets, so an envelope counts only if its lengths fit.

local function length_at(raw, position)
  local first = raw:byte(position)
  if not first then return nil end
  if first < 128 then return first, position + 1 end
  local octets, value = first - 128, 0
  if octets < 1 or octets > 3 then return nil end
  for index = 1, octets do
    local octet = raw:byte(position + index)
    if not octet then return nil end
    value = value * 256 + octet
  end
  return value, position + 1 + octets
end

-- (kind, index of the content, length of the content), indices from 1; ``total`` is the length the header announces.
local function find_envelope(raw, total)
  if raw:byte(1) ~= 3 then return "none", 1, total end
  if raw:byte(2) == 0x80 then
    local length, start = length_at(raw, 3)
    if length and start - 1 + length == total then return "unsecured", start, length end
  elseif raw:byte(2) == 0x81 and raw:byte(4) == 0x40 and raw:byte(5) == 3 and raw:byte(6) == 0x80 then
    local length, start = length_at(raw, 7)
    if length and start - 1 + length < total then return "signed", start, length end
  end
  return "none", 1, total
end

local function generation_time(walk)
  local from = walk.bit
  local high, low = walk:bits(32), walk:bits(32)
  local range = walk:octets(from)
  walk.tree:add(F.generation_time, range)
  local micros = high * 2 ^ 32 + low
  local seconds = math.floor(micros / 1000000)
  if seconds < 2 ^ 32 then
    local time = NSTime.new(seconds + GENERATION_EPOCH_S, math.floor(micros % 1000000) * 1000)
    walk.tree:add(F.generation_utc, range, time)
  end
end

local function header_info(walk)
  local extended, generated, expires, located, learning, missing, key = walk:flags(7)
  walk:skip(1)
  local octets = walk:bits(8)
  if octets < 1 or octets > 4 then give_up("AID of this length") end
  walk:number(F.signed_aid, 8 * octets)
  if generated then generation_time(walk) end
  walk:skip((expires and 64 or 0) + (located and 80 or 0) + (learning and 24 or 0))
  if extended or missing or key then give_up("header information with members not followed") end
end

local function signer(walk)
  local from, choice = walk.bit, walk:bits(8)
  local kind = ({ [0x80] = "digest", [0x81] = "certificate", [0x82] = "self" })[choice]
  if not kind then give_up("unknown signer") end
  walk:add(F.signer, from, kind)
  if kind == "digest" then
    from = walk.bit
    walk:skip(64)
    walk.tree:add(F.digest, walk:octets(from))
  elseif kind == "certificate" then
    local octets = walk:bits(8)
    if octets < 1 or octets > 2 then give_up("count of certificates of this length") end
    local count = walk:number(F.certificates, 8 * octets)
    walk:say("[certificate]")
    return
  end
  from = walk.bit
  local rest = #walk.raw - from / 8
  if rest > 0 then
    walk:skip(8 * rest)
    walk.tree:add(F.signature, walk:octets(from))
  end
end

local function dissect_signed(tvb, tree, first, octets, behind, info)
  local walk = new_walk(tvb, tree, first, octets, info)
  walk:skip(16)
  guarded(tree, info, function()
    walk:number(F.hash, 8)
    walk:skip(8 * behind - walk.bit)
    header_info(walk)
    signer(walk)
  end)
end

local function dissect_data(tvb, tree, first, announced, info)
  local there = math.min(tvb:len() - first, announced)
  local kind, start, length = find_envelope(there > 0 and tvb(first, there):raw() or "", announced)
  local offset = first + start - 1
  local content = math.min(length, tvb:len() - offset)
  if kind == "none" then
    tree:add(F.envelope, tvb(first, there), kind):set_text("Envelope: none")
  else
    local item = tree:add(cnv2x, tvb(first, there), "Envelope: " .. kind)
    item:add(F.envelope, tvb(first, 2), kind)
    if kind == "signed" then
      dissect_signed(tvb, item, first, there, start - 1 + length, info)
    end
  end
  dissect_message(tvb, tree, offset, content, info)
  if there < announced then
    tree:add_proto_expert_info(E.short, string.format("%d of %d data octets are there", there, announced))
  end
end

-- DSMP header.

local function extension_elements(walk)
  local count = walk:number(F.extensions, 8)
  for _ = 1, count do
    local from = walk.bit
    walk:skip(8)
    walk:skip(8 * walk:bits(8))
    walk.tree:add(F.extension, walk:octets(from))
  end
end

local function aid(walk)
  local from, value = walk.bit, walk:bits(8)
  if value >= 0xC0 then give_up("AID longer than two octets") end
  if value >= 0x80 then value = value * 256 + walk:bits(8) - 0x7F80 end
  walk:add(F.aid, from, value)
end

local function dissect_header(walk)
  if walk:number(F.type, 8) ~= 4 then give_up("not DSMP") end
  local from = walk.bit
  local version, extended = walk:bits(3), walk:flag()
  walk:skip(4)
  walk:add(F.version, from, version)
  if version ~= 0 then give_up("unknown DSMP version") end
  if extended then extension_elements(walk) end
  aid(walk)
  return walk:number(F.length, 16)
end

function cnv2x.dissector(tvb, pinfo, tree)
  pinfo.cols.protocol = "CN-V2X"
  local info, announced = {}, nil
  local top = tree:add(cnv2x, tvb())
  local walk = new_walk(tvb, top, 0, tvb:len(), info)
  guarded(top, info, function() announced = dissect_header(walk) end)
  if announced then dissect_data(tvb, top, walk.bit / 8, announced, info) end
  pinfo.cols.info = table.concat(info, " ")
  return tvb:len()
end

DissectorTable.get("ethertype"):add_for_decode_as(cnv2x)
