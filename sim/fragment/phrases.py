"""Sentences of a study's page: (English, Chinese)."""

from __future__ import annotations

ZH = "zh"
LANGUAGES = ("en", ZH)

PHRASES: dict[str, tuple[str, str]] = {
    "illustrative": ("illustrative", "示意"),
    "index": (
        "{scenario}: fragmentation index FI = 1 - x / x of {against} (x below it); mean ± half of the 95 % interval "
        "over {seeds}",
        "{scenario}：割裂指数 FI = 1 - x / x（{against}），下一行为 x；{seeds}的均值 ± 95 % 区间半宽",
    ),
    "x": (
        "x: of what could have been used, the share that was (UIR); of the road and time where a message is wanted, "
        "the share in which vehicles had a fresh one (C_useful)",
        "x：可用信息中实际被应用的比例（UIR）；需要该信息的路段与时间中，车辆持有新鲜信息的比例（C_useful）",
    ),
    "one_seed": ("one seed (no interval)", "单个种子（无区间）"),
    "seeds": ("{count} seeds", "{count} 个种子"),
    "candidate": ("candidate", "方案"),
    "compared": ("compared with", "对照"),
    "wrong": ("wrong [1/(veh h)]", "误用 [1/(车·时)]"),
    "no_class": (
        "no class has any use in the harmonised case: no index is defined",
        "对照方案下没有任何一类信息被应用：指数无定义",
    ),
    "attribution": (
        "{name}: whose share of the loss is whose (Shapley; of the loss 1 - x that its hazards add)",
        "{name}：损失的归因（Shapley 值；损失指各差异项使 1 - x 增加的部分）",
    ),
    "overall_is": ("overall: mean over {classes}", "总体：以下各类的平均：{classes}"),
    "hazard": ("hazard", "差异项"),
    "overall": ("overall", "总体"),
    "alone": ("overall: alone", "总体：仅有该项"),
    "only_fixed": ("only fixed", "仅修复该项"),
    "blame": ("blame", "按首个失败环节"),
    "sum": ("sum", "合计"),
    "roadmap": (
        "road map, each time what leaves the least overall loss", "统一路线图：每一步选择使剩余总体损失最小的一项",
    ),
    "step": ("step", "步骤"),
    "harmonise": ("harmonise", "统一"),
    "left": ("loss left", "剩余损失"),
    "recovered": ("recovered", "挽回"),
    "as_it_is": ("{name} as it is", "{name} 现状"),
    "decisions": (
        "decision matrix (weights are assumptions; band: every weight halved and doubled)",
        "决策矩阵（权重为假设；括号内为各权重减半与加倍时的范围）",
    ),
    "otherwise": (
        "the matrix puts {hazard} first, not {next}: it also weighs wrong applications, latency and the legal level",
        "矩阵的首位是 {hazard} 而非 {next}：它还计入误用、时延与法规层级",
    ),
    "rank": ("rank", "名次"),
    "won_back": ("x won back", "挽回的 x"),
    "wrong_change": ("wrong [1/(veh h)]", "误用变化 [1/(车·时)]"),
    "latency_change": ("BSM in 100 ms", "100 ms 内 BSM 变化"),
    "score": ("score", "得分"),
    "to": ("{low} to {high}", "{low} 至 {high}"),
    "ranks": ("ranks", "名次范围"),
    "nothing_attributed": ("nothing is attributed: no verdict", "未做归因：无结论"),
    "no_loss": (
        "the hazards of {name} cost nothing here: nothing to harmonise",
        "{name} 的各差异项在此没有造成损失：无需统一",
    ),
    "none_alone": (
        "no single item wins anything back: with {hazard} ({title}) alone, the best of them, the overall loss of "
        "{total} that the hazards add changes by {change}; the road map tells which items win it back together{word}",
        "单独统一任何一项都不能挽回损失：其中最好的 {hazard}（{title}）使各差异项造成的总体损失 {total} 变化 {change}；"
        "哪些项需一并统一见路线图{word}",
    ),
    "verdict": (
        "harmonise {hazard} next ({title}): it recovers {gained} of the overall loss of {total} that the hazards "
        "add, {part} %; {sure}{second}{warning}{word}",
        "下一步先统一 {hazard}（{title}）：各差异项造成的总体损失 {total} 中可挽回 {gained}，即 {part} %；"
        "{sure}{second}{warning}{word}",
    ),
    "no_interval": ("one seed, no interval", "单个种子，无区间"),
    "interval": ("95 % interval {low} to {high}", "95 % 区间 {low} 至 {high}"),
    "undecided": (", not decided by these seeds", "，这些种子不足以判定"),
    "second": (
        "; these seeds do not tell it from {hazard} ({title})",
        "；这些种子不足以区分它与 {hazard}（{title}）",
    ),
    "adds_wrong": (
        "; alone it adds {count} wrong applications per vehicle-hour", "；但若仅统一该项，每车·时的误用增加 {count} 次",
    ),
    "stable": (
        "the same item comes first with the weight of every class halved or doubled",
        "各类信息的权重减半或加倍时，首选项不变",
    ),
    "unstable": (
        "which item comes first depends on the weights of the classes: {told} of the weightings tried",
        "首选项取决于各类信息的权重，所试各组权重中：{told}",
    ),
    "under": ("{name} under {count}", "{name} {count} 组"),
    "shares": (
        "share of the overall loss over these weights (Shapley): {bands}",
        "在这些权重下占总体损失的份额（Shapley）：{bands}",
    ),
    "rest_on": (
        "illustrative: {names} rest on assumptions or memory, see traceability.csv",
        "示意：{names} 含假设或未核实的内容，见 traceability.csv",
    ),
    "missing": (
        "{count} runs are missing or failed: figures are of the others", "{count} 次运行缺失或失败：数值来自其余运行",
    ),
    "one_place": (
        "the scenario has one jurisdiction: no usable share, wrong application or border is told of",
        "该场景只有一个辖区：不统计可用率、误用与边界",
    ),
    "no_crossing": (
        "blackout: no group of vehicles has {least} crossings of a border; take more seeds, a longer time, or a "
        "scenario that begins near a border",
        "过界空窗：没有一组车辆达到 {least} 次过界；请增加种子、延长时长，或采用起点靠近边界的场景",
    ),
    "worse": (
        "a wrong application is worse than a missing one: it is counted apart and in no index",
        "误用比缺失更糟：单独计数，不计入任何指数",
    ),
    "idle_weight": (
        "--weight {name}: no class of that name is judged here; there are {classes}",
        "--weight {name}：此处没有该类；有 {classes}",
    ),
    "gap": (
        "{attributed} with {hazards} harmonised is not {against}; x differs by {gaps}",
        "{attributed} 统一 {hazards} 之后并不等于 {against}；x 相差 {gaps}",
    ),
}
"""Key -> sentence in both languages, with the names of what is filled in."""


def say(key: str, language: str = "en", /, **values: object) -> str:
    """A sentence in one language."""
    return PHRASES[key][LANGUAGES.index(language)].format(**values)
