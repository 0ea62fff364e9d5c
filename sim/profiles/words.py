"""Words of the sheet in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rsu.profile import KEYS

LANGUAGES = ("en", "zh")
LETTERS = {"sourced": "S", "computed": "C", "memory": "M", "assumption": "A"}
"""Basis -> letter in a cell."""

WORDS: dict[str, tuple[str, str]] = {
    "key": ("key", "项目"),
    "unit": ("unit", "单位"),
    "hazard": ("hazard", "风险"),
    "national": ("national", "国家"),
    "same": ("same", "相同"),
    "differ": ("differ", "不同"),
    "unset": ("unset", "未规定"),
    "unknown": ("unknown", "未获知"),
    "inherited": ("inherited", "沿用上级"),
    "added": ("left open nationally", "国家未规定"),
    "sourced": ("sourced", "有来源"),
    "computed": ("computed", "计算得出"),
    "memory": ("memory, unverified", "记忆，未核实"),
    "assumption": ("assumption", "假设"),
    "own": ("own", "自行规定"),
    "place": ("place", "地区"),
    "conflicts": ("Conflicts found", "发现的冲突"),
    "no conflicts": ("none found", "未发现冲突"),
    "none": ("no value satisfies both", "无同时满足的取值"),
    "one value": ("satisfies both: only", "同时满足的取值只有"),
    "different": ("exclude each other", "互不相容"),
    "shared": ("the same in both: nodes cannot be told apart", "两地相同，路口无法区分"),
    "convert": ("differ: positions have to be converted", "坐标须转换"),
    "outside": ("value in use outside the bound", "现用取值超出限值"),
    "process": ("The standards themselves", "标准制定情况"),
    "documents": ("Documents cited", "引用文件"),
    "no year": ("no year", "未注年份"),
    "keys": ("keys", "项"),
    "harmonised": ("equal everywhere", "各地一致"),
    "divergent": ("divergent", "不一致"),
    "in one place": ("of these, fixed in one place only", "其中仅一地规定"),
    "share": ("share of keys harmonised", "一致项占比"),
    "illustrative": ("illustrative: values marked M or A are unverified or assumed",
                     "示意：标 M、A 的取值未核实或为假设"),
    "legend": ("letters: S sourced, C computed, M memory, A assumption; ^ inherited, + left open nationally",
               "字母：S 有来源，C 计算，M 记忆，A 假设；^ 沿用上级，+ 国家未规定"),
    "default": ("otherwise", "缺省"),
    "between": ("Between places", "地区之间"),
    "other place": ("other", "对方"),
    "trusts": ("trusts its certificates", "信任其证书"),
    "told by": ("learns what its platform knows", "获知其平台信息"),
    "trust full": ("yes", "是"),
    "trust none": ("no", "否"),
    "trust pending": ("list on its way:", "信任列表下发中："),
    "trust": ("trust", "信任"),
    "relay": ("platform interface", "平台接口"),
    "gateway": ("gateway", "网关"),
    "profile": ("profile", "规范"),
    "candidate": ("candidate", "方案"),
    "kind": ("kind", "类别"),
    "national kind": ("national", "国家"),
    "regional kind": ("regional", "地方"),
    "inherits": ("inherits", "上级"),
    "own keys": ("own keys", "自有项"),
    "illustrative keys": ("illustrative", "示意项"),
    "title": ("title", "名称"),
    "hazards": ("hazards", "风险"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "at_nodes": ("junctions", "路口"),
    "arterial_spacing_m": ("arterial", "干线"),
    "expressway_spacing_m": ("motorway", "高速"),
    "rural_spacing_m": ("rural", "乡村"),
    "rule": ("rule", "规则"),
}

KEYS_ZH: dict[str, str] = {
    "access": "接入层",
    "band": "频段",
    "bandwidth_mhz": "信道带宽",
    "eirp_limit_rsu_dbm": "路侧单元EIRP上限",
    "eirp_limit_obu_dbm": "车载单元EIRP上限",
    "channel.send_obu": "车载单元发送信道",
    "channel.send_rsu": "路侧单元发送信道",
    "channel.listen_obu": "车载单元接收信道",
    "channel.listen_rsu": "路侧单元接收信道",
    "congestion_control": "信道负荷限制文件",
    "network": "网络层",
    "message_set": "消息集",
    "decoders": "附加解码消息集",
    "rates.bsm_period_ms": "BSM周期",
    "rates.map_period_ms": "MAP周期",
    "rates.spat_period_ms": "SPAT周期",
    "rates.rsi_static_period_ms": "静态RSI周期",
    "rates.rsi_semi_static_period_ms": "半静态RSI周期",
    "rates.rsi_dynamic_period_ms": "动态RSI周期",
    "rates.rsm_period_ms": "RSM周期",
    "security.envelope": "安全封装",
    "security.certificate_period_ms": "完整证书发送周期",
    "security.certificate_bytes_obu": "车载单元证书长度",
    "security.certificate_bytes_rsu": "路侧单元证书长度",
    "security.root": "根证书",
    "security.suite": "签名算法",
    "security.suites": "可验证的签名算法",
    "security.cert_region": "证书适用区域",
    "security.region_check": "证书区域检查",
    "security.unknown_root": "未知根证书的处理",
    "security.permissions": "证书权限",
    "security.expired_ratio": "证书过期比例",
    "security.revoked_ratio": "证书吊销比例",
    "datum": "空口坐标基准",
    "feed_datum": "平台数据坐标基准",
    "map_datum": "地图坐标基准",
    "region_id": "区域编号",
    "node_ids": "路口编号方式",
    "event_codes": "本地事件编码",
    "siting": "布设间距",
    "antenna_height_rsu_m": "路侧天线高度",
    "decode_policy": "解码策略",
    "platform.interface": "平台接口标准",
    "platform.datum": "平台间坐标基准",
    "bounds.safety_rate_hz": "限值：安全类频率",
    "bounds.sign_rate_hz": "限值：标志与提示类频率",
    "bounds.dynamic_lane_rate_hz": "限值：动态车道频率",
    "bounds.priority_vehicle_rate_hz": "限值：优先车辆频率",
    "bounds.perception_rate_hz": "限值：感知更新频率",
    "bounds.delay_safety_ms": "限值：安全类时延",
    "bounds.delay_information_ms": "限值：信息类时延",
    "bounds.delay_perception_ms": "限值：感知时延",
    "bounds.delay_cooperation_ms": "限值：协同类时延",
    "bounds.delay_special_ms": "限值：特殊情况空口时延",
    "bounds.delay_network_ms": "限值：经网络时延",
    "bounds.position_accuracy_m": "限值：定位精度",
    "bounds.map_accuracy_m": "限值：地图绝对精度",
    "bounds.map_relative_accuracy_m_per_100m": "限值：地图相对精度",
    "bounds.rsu_range_m": "限值：路侧单元覆盖",
    "bounds.application_range_m": "限值：应用距离",
    "bounds.mast_height_m": "限值：安装高度",
    "bounds.spacing_expressway_km": "限值：高速间距",
    "bounds.spacing_urban_km": "限值：城区间距",
    "bounds.spacing_rural_km": "限值：乡村间距",
    "bounds.size_periodic_bytes": "限值：周期消息长度",
    "bounds.size_event_bytes": "限值：事件消息长度",
    "bounds.speed_relative_kmh": "限值：相对速度",
    "bounds.speed_absolute_kmh": "限值：绝对速度",
}
"""Key -> what it is called in Chinese."""


def word(name: str, language: str = "en") -> str:
    """A word of the sheet."""
    return WORDS[name][LANGUAGES.index(language)]


def key_text(key: str, language: str = "en") -> str:
    """What a key means, in words."""
    return KEYS_ZH.get(key, KEYS[key].meaning) if language == "zh" else KEYS[key].meaning


def value_text(value: Any, language: str = "en") -> str:
    """A value on one line: siting as class and metres, lists with commas."""
    if isinstance(value, Mapping):
        return "; ".join(_part(str(name), inner, language) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(value_text(one, language) for one in value)
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _part(name: str, value: Any, language: str) -> str:
    known = word(name, language) if name in WORDS else name
    if isinstance(value, bool):
        return known if value else f"{word('no', language)} {known}"
    return f"{known} {value_text(value, language)}" + (" m" if name.endswith("_m") else "")
