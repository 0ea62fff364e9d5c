"""The ways in which standards of neighbouring places can disagree, each with the stage at which it shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

ACTS_ON = ("receivers", "senders", "radio", "sites")
"""What a hazard changes: what receivers accept, what is sent, the radio, or where units stand."""


@dataclass(frozen=True)
class Hazard:
    """One kind of disagreement (fragmentation model section 2)."""

    id: str
    title: str
    title_zh: str
    stage: str
    """Stage that fails: ``sent`` (never transmitted), or one of the eight stages of reception."""
    acts_on: str
    """One of :data:`ACTS_ON`. With ``receivers`` the same radio run serves both cases."""
    source: str



def _row(id: str, title: str, title_zh: str, stage: str, acts_on: str, source: str) -> tuple[str, Hazard]:
    return id, Hazard(id, title, title_zh, stage, acts_on, source)


HAZARDS: dict[str, Hazard] = dict([
    _row("H1", "Version of the message root", "消息根类型版本不同", "decoded", "senders",
         "layouts of 2017 and of 2019/20 in public modules; no version number on the air"),
    _row("H2", "Second-phase message at a first-phase receiver", "二期消息遇到一期接收端", "decoded", "senders",
         "extension marker of the message frame in public modules"),
    _row("H3", "Local edit of a type or of the event table", "本地修改数据类型或事件编码", "decoded", "senders",
         "assumption: what an edit inside a root type does to unaligned PER"),
    _row("H4", "Separate root certificates without mutual trust", "根证书各自独立且互不信任", "verified", "receivers",
         "DB31/T 1485-2024 (table of contents: Shanghai CA and the national CA trust system)"),
    _row("H4b", "Delay until trust lists are updated", "信任列表更新滞后", "verified", "receivers",
         "trusted-root and domain CA lists of YD/T 3957-2021 chapter 8 (title); the delay is an assumption"),
    _row("H5", "Certificates that do not hold here", "证书适用区域或权限不符", "verified", "receivers",
         "application area in LTE-V2X certificates (security text); enforcement is an assumption"),
    _row("H6", "Signature suite", "密码算法不同", "verified", "senders",
         "SM2 in YD/T 3957-2021, ECDSA in IEEE 1609.2 and ETSI TS 103 097"),
    _row("H7", "Channel plan", "信道划分不同", "tuned", "radio",
         "letter 113/2024 of the National Radio Office as reported: 20 MHz, or 10 + 10 MHz"),
    _row("H8", "Access layer", "接入层技术不同", "tuned", "radio",
         "LTE PC5, NR PC5, IEEE 802.11p: none receives another"),
    _row("H9", "Network header", "网络层协议不同", "header", "senders",
         "DSMP of YD/T 3707-2020, WSMP of IEEE 1609.3, GeoNetworking of EN 302 636"),
    _row("H10", "Message rate and freshness", "消息频率与时效要求不同", "timely", "senders",
         "upper bounds in the Jiangsu guide, lower bounds in the second-phase applications"),
    _row("H11", "Datum of positions", "坐标基准不同", "interpreted", "senders",
         "CGCS2000 in the Zhejiang road data text, GCJ-02 in a platform exchange text, no field on the air"),
    _row("H12", "Region and node identifiers", "区域与路口编号冲突", "interpreted", "senders",
         "RoadRegulatorID is optional and has 16 bits; node numbers are unique in a region only"),
    _row("H13", "Siting of roadside units", "路侧单元布设规则不同", "received", "sites",
         "Jiangsu, Zhejiang and Deqing spacing rules"),
    _row("H14", "No interface between platforms", "平台之间无接口", "sent", "senders",
         "DB32/T 4846-2024 in Jiangsu; none found for the neighbours"),
    _row("H15", "Certificates unknown to the receiver and load of verification", "证书未知与验签负荷", "verified",
         "senders", "certificate cadence of GB/T 45315-2025; verification times of software libraries"),
    _row("H16", "Map older than the road", "地图落后于道路变化", "interpreted", "senders",
         "G318 was moved by up to about 200 m on 2023-09-16"),
    _row("H17", "Congestion control parameters", "拥塞控制参数不同", "received", "radio",
         "existence of parameters in YD/T 3755-2020 annex A; values not seen"),
])
"""Id -> hazard, in the order in which they are named."""


def in_order(ids: Collection[str]) -> tuple[str, ...]:
    """Those of the known hazards that ``ids`` contains, in the order of the table."""
    return tuple(one for one in HAZARDS if one in ids)
