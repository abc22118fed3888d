"""What the inventions are about: titles with their classes, invented, with the marks the feed leaves in titles."""

from __future__ import annotations

from collections.abc import Callable

from ingestion.sandbox.dice import pick

# (things, classes as section+class+subclass, main groups)
_TOPICS: tuple[tuple[tuple[str, ...], tuple[tuple[str, tuple[int, ...]], ...]], ...] = (
    (
        ("航空发动机叶片", "机场跑道异物", "飞机除冰液", "客舱行李"),
        (("B64F", (1, 5)), ("B64C", (1, 33)), ("G08G", (5,))),
    ),
    (("无缝钢管", "钢坯", "轧辊", "连铸结晶器"), (("B21B", (17, 19, 27)), ("C21D", (8, 9)), ("B22D", (11,)))),
    (("汽车座椅", "车门密封条", "轮毂轴承", "燃油箱"), (("B60N", (2,)), ("B60J", (5, 10)), ("F16C", (19, 33)))),
    (("锂离子电池", "电池管理", "电极浆料", "燃料电池"), (("H01M", (4, 10)), ("H02J", (7,)), ("B60L", (11, 58)))),
    (
        ("兽用疫苗", "内切葡聚糖酶", "发酵菌株", "缓释微球"),
        (("A61K", (9, 36, 39)), ("C12N", (1, 9, 15)), ("A61P", (31,))),
    ),
    (("污水", "烟气脱硫", "污泥", "反渗透膜"), (("C02F", (1, 3, 9)), ("B01D", (53, 61)), ("B01J", (20,)))),
    (("高压开关柜", "箱式变电站", "电缆接头", "断路器"), (("H02B", (1, 13)), ("H02G", (3, 15)), ("H01H", (33, 71)))),
    (("卫星导航信号", "图像识别", "网络流量", "语音"), (("G01S", (7, 19)), ("G06F", (16, 17)), ("H04L", (9, 12, 29)))),
    (("数据", "订单", "设备运维", "能耗"), (("G06Q", (10, 50)), ("G06N", (3, 20)), ("G05B", (13, 19)))),
    (
        ("机器人夹爪", "焊接工装", "数控刀具", "激光切割头"),
        (("B25J", (9, 11, 15)), ("B23K", (26, 37)), ("B23Q", (3, 11))),
    ),
    (("建筑外墙", "装配式节点", "基坑支护", "混凝土搅拌"), (("E04B", (1, 2)), ("E02D", (17, 27)), ("B28C", (5, 7)))),
    (("阀门", "泵体", "管道检测", "液压缸"), (("F16K", (1, 11, 31)), ("F04D", (13, 29)), ("F16L", (55, 101)))),
    (("纸箱", "包装膜", "托盘", "标签"), (("B65D", (5, 19, 81)), ("B31B", (50,)), ("B32B", (7, 27, 29)))),
    (("纳米涂层", "复合纤维", "光固化树脂", "晶体"), (("C09D", (5, 7, 163)), ("C08L", (23, 67)), ("C30B", (15, 29)))),
    (("血压", "手术器械", "康复训练", "呼吸面罩"), (("A61B", (5, 17)), ("A61H", (1, 39)), ("A61M", (16,)))),
    (("农田灌溉", "食用菌栽培", "水产养殖", "果蔬保鲜"), (("A01G", (25, 18)), ("A01K", (61, 63)), ("A23B", (7,)))),
)
_QUALITIES = (
    "",
    "高效",
    "自动",
    "便携式",
    "多功能",
    "智能",
    "节能型",
    "低噪声",
    "耐高温",
    "可调节",
    "基于物联网的",
    "防腐蚀",
    "快速",
)
_VERBS = ("检测", "处理", "制备", "加工", "控制", "清洗", "固定", "输送", "回收", "监测", "成型", "定位")
_ENDS_INVENTION = ("方法", "装置", "系统", "方法及其应用", "装置及方法", "及其制备方法", "方法及系统")
_ENDS_UTILITY = ("装置", "设备", "机构", "系统", "工装", "结构")
_MARKUP = (
    "纳米TiO<base:Sub>2</base:Sub>改性的",
    "抗CO<base:Sub>2</base:Sub>腐蚀的",
    "检测Al<base:Sup>3+</base:Sup>的",
    "SmCo<base:Sub>5</base:Sub>永磁体辅助的",
    "CuCrO<base:Sub>2</base:Sub>粉末",
    "分离CO<sub>2</sub>的",
    "纳米SiO<sub>2</sub>增韧的",
)
_COMMAS = ("2,5‑呋喃二甲酸基", "含环己基-1,4-二甲醛的", "20‑羟基‑23,24‑二降胆")
_GOODS = (
    ("茶几", "06-03"),
    ("蛋糕装饰盒", "01-01"),
    ("包装瓶", "09-01"),
    ("包装盒", "09-03"),
    ("自行车", "12-11"),
    ("电动车充电器", "13-02"),
    ("手持检测仪", "10-05"),
    ("灯具", "26-05"),
    ("数控机床", "15-09"),
    ("乐谱架", "06-06"),
    ("显示屏幕面板的操作界面", "14-04"),
    ("地毯", "06-11"),
    ("空气净化器", "23-04"),
    ("医用推车", "24-01"),
    ("阀门", "23-01"),
    ("玩具", "21-01"),
    ("面料", "05-05"),
    ("手表", "10-02"),
)
_SUBGROUPS = ("00", "02", "04", "06", "08", "10", "12", "14", "16", "20", "22", "30", "36", "48", "565")
_LATER_VERSIONS = ("20060101", "20060101", "20060101", "20060101", "20060101", "20120101", "20140101", "20170101")

Class = tuple[str, int, str, str]  # subclass, main group, subgroup, version date


def title_and_classes(roll: Callable[[], float], is_utility: bool, day: str) -> tuple[str, list[Class]]:
    """Title (may hold markup) and classes, main one first. `day` bounds the version of the classification."""
    things, fields = pick(_TOPICS, roll())
    thing, quality, verb = pick(things, roll()), pick(_QUALITIES, roll()), pick(_VERBS, roll())
    end = pick(_ENDS_UTILITY if is_utility else _ENDS_INVENTION, roll())
    marked = roll()
    extra = ""
    if not is_utility and marked < 0.006:
        extra = pick(_MARKUP, marked / 0.006)
    elif marked > 0.998:
        extra = pick(_COMMAS, (marked - 0.998) / 0.002)
    opening = "一种" if roll() < 0.72 else ""
    title = f"{opening}{quality}{extra}{thing}{verb}{end}"
    # 37 % one class, 27 % two, 16 % three, 9 % four, and so on
    rest, count = roll(), 1
    for ceiling in (0.37, 0.64, 0.80, 0.89, 0.93, 0.96):
        if rest < ceiling:
            break
        count += 1
    classes: list[Class] = []
    for at in range(count):
        subclass, groups = fields[at % len(fields)] if at < 3 else pick(fields, roll())
        number = roll()
        version = pick(_LATER_VERSIONS, number * 31 % 1)
        entry = (
            subclass,
            pick(groups, roll()),
            pick(_SUBGROUPS, number),
            version if version < day else "20060101",
        )
        if all(entry[:3] != other[:3] for other in classes):
            classes.append(entry)
    return title, classes


def goods(roll: Callable[[], float]) -> tuple[str, str]:
    """Title and Locarno class of a design."""
    name, locarno = pick(_GOODS, roll())
    variant = roll()
    if variant < 0.3:
        name += f"（例{int(variant * 3000)}型）"
    elif variant < 0.4:
        name += f"({'ABCDE'[int(variant * 50) % 5]}款)"
    return name, locarno
