//! Words of the demonstration: places, schools, enterprises, and names of people with the spread
//! that real rolls have. Everything is made up except the names of provinces, cities and counties.

use crate::pii::Sex;
use rand::{Rng, rngs::StdRng};

/// A city with the first four digits of its area code and its counties (last two digits, name).
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) area: &'static str,
    pub(super) counties: Vec<(String, &'static str)>,
}

/// 安徽, the demonstration's province, as it is.
const ANHUI: &[&str] = &[
    "3401 合肥市 02瑶海区 03庐阳区 04蜀山区 11包河区 21长丰县 22肥东县 23肥西县 24庐江县 81巢湖市",
    "3402 芜湖市 02镜湖区 07鸠江区 09弋江区 10湾沚区 12繁昌区 23南陵县 81无为市",
    "3403 蚌埠市 02龙子湖区 03蚌山区 04禹会区 11淮上区 21怀远县 22五河县 23固镇县",
    "3404 淮南市 02大通区 03田家庵区 04谢家集区 05八公山区 06潘集区 21凤台县 22寿县",
    "3405 马鞍山市 03花山区 04雨山区 06博望区 21当涂县 22含山县 23和县",
    "3406 淮北市 02杜集区 03相山区 04烈山区 21濉溪县",
    "3407 铜陵市 05铜官区 06义安区 11郊区 22枞阳县",
    "3408 安庆市 02迎江区 03大观区 11宜秀区 22怀宁县 25太湖县 26宿松县 27望江县 28岳西县 81桐城市 82潜山市",
    "3410 黄山市 02屯溪区 03黄山区 04徽州区 21歙县 22休宁县 23黟县 24祁门县",
    "3411 滁州市 02琅琊区 03南谯区 22来安县 24全椒县 25定远县 26凤阳县 81天长市 82明光市",
    "3412 阜阳市 02颍州区 03颍东区 04颍泉区 21临泉县 22太和县 25阜南县 26颍上县 82界首市",
    "3413 宿州市 02埇桥区 21砀山县 22萧县 23灵璧县 24泗县",
    "3415 六安市 02金安区 03裕安区 04叶集区 22霍邱县 23舒城县 24金寨县 25霍山县",
    "3416 亳州市 02谯城区 21涡阳县 22蒙城县 23利辛县",
    "3417 池州市 02贵池区 21东至县 22石台县 23青阳县",
    "3418 宣城市 02宣州区 21郎溪县 23泾县 24绩溪县 25旌德县 81宁国市 82广德市",
];

/// Cities of the other provinces, for the national scale; their counties are made up.
const CITIES: &[(&str, &str)] = &[
    ("11", "东城区 西城区 朝阳区 海淀区 丰台区 通州区 昌平区 大兴区"),
    ("12", "和平区 南开区 河西区 河东区 滨海新区 武清区"),
    ("13", "石家庄市 唐山市 秦皇岛市 邯郸市 邢台市 保定市 张家口市 承德市 沧州市 廊坊市 衡水市"),
    ("14", "太原市 大同市 阳泉市 长治市 晋城市 朔州市 晋中市 运城市 忻州市 临汾市 吕梁市"),
    ("15", "呼和浩特市 包头市 乌海市 赤峰市 通辽市 鄂尔多斯市 呼伦贝尔市 巴彦淖尔市 乌兰察布市"),
    ("21", "沈阳市 大连市 鞍山市 抚顺市 本溪市 丹东市 锦州市 营口市 阜新市 辽阳市 铁岭市 朝阳市"),
    ("22", "长春市 吉林市 四平市 辽源市 通化市 白山市 松原市 白城市 延边州"),
    ("23", "哈尔滨市 齐齐哈尔市 鸡西市 鹤岗市 大庆市 伊春市 佳木斯市 牡丹江市 黑河市 绥化市"),
    ("31", "黄浦区 徐汇区 长宁区 静安区 普陀区 虹口区 杨浦区 闵行区 宝山区 浦东新区"),
    (
        "32",
        "南京市 无锡市 徐州市 常州市 苏州市 南通市 连云港市 淮安市 盐城市 扬州市 镇江市 泰州市 宿迁市",
    ),
    ("33", "杭州市 宁波市 温州市 嘉兴市 湖州市 绍兴市 金华市 衢州市 舟山市 台州市 丽水市"),
    ("35", "福州市 厦门市 莆田市 三明市 泉州市 漳州市 南平市 龙岩市 宁德市"),
    ("36", "南昌市 景德镇市 萍乡市 九江市 新余市 鹰潭市 赣州市 吉安市 宜春市 抚州市 上饶市"),
    (
        "37",
        "济南市 青岛市 淄博市 枣庄市 东营市 烟台市 潍坊市 济宁市 泰安市 威海市 日照市 临沂市 德州市 聊城市 滨州市 菏泽市",
    ),
    (
        "41",
        "郑州市 开封市 洛阳市 平顶山市 安阳市 鹤壁市 新乡市 焦作市 濮阳市 许昌市 漯河市 南阳市 商丘市 信阳市 周口市",
    ),
    ("42", "武汉市 黄石市 十堰市 宜昌市 襄阳市 鄂州市 荆门市 孝感市 荆州市 黄冈市 咸宁市 随州市"),
    (
        "43",
        "长沙市 株洲市 湘潭市 衡阳市 邵阳市 岳阳市 常德市 张家界市 益阳市 郴州市 永州市 怀化市 娄底市",
    ),
    (
        "44",
        "广州市 韶关市 深圳市 珠海市 汕头市 佛山市 江门市 湛江市 茂名市 肇庆市 惠州市 梅州市 东莞市 中山市",
    ),
    ("45", "南宁市 柳州市 桂林市 梧州市 北海市 钦州市 贵港市 玉林市 百色市 河池市 来宾市 崇左市"),
    ("46", "海口市 三亚市 儋州市"),
    ("50", "万州区 涪陵区 渝中区 江北区 沙坪坝区 九龙坡区 南岸区 北碚区 渝北区 巴南区"),
    (
        "51",
        "成都市 自贡市 攀枝花市 泸州市 德阳市 绵阳市 广元市 遂宁市 内江市 乐山市 南充市 宜宾市 达州市",
    ),
    ("52", "贵阳市 六盘水市 遵义市 安顺市 毕节市 铜仁市"),
    ("53", "昆明市 曲靖市 玉溪市 保山市 昭通市 丽江市 普洱市 临沧市"),
    ("54", "拉萨市 日喀则市 昌都市 林芝市 山南市 那曲市"),
    ("61", "西安市 铜川市 宝鸡市 咸阳市 渭南市 延安市 汉中市 榆林市 安康市 商洛市"),
    ("62", "兰州市 嘉峪关市 金昌市 白银市 天水市 武威市 张掖市 平凉市 酒泉市 庆阳市 定西市"),
    ("63", "西宁市 海东市"),
    ("64", "银川市 石嘴山市 吴忠市 固原市 中卫市"),
    ("65", "乌鲁木齐市 克拉玛依市 吐鲁番市 哈密市"),
];

const COUNTIES: &[&str] = &[
    "城东区",
    "城西区",
    "新城区",
    "临江县",
    "平山县",
    "安和县",
    "清河县",
    "永丰县",
    "太平县",
    "南山区",
    "东湖区",
    "金沙县",
];

/// The cities of a province; none where there is no such province (a system committee).
pub(super) fn cities(province: &str) -> Vec<City> {
    if province == "34" {
        return ANHUI.iter().filter_map(|line| anhui_city(line)).collect();
    }
    let Some((_, cities)) = CITIES.iter().find(|(code, _)| *code == province) else {
        return vec![];
    };
    let counties =
        || COUNTIES.iter().enumerate().map(|(n, c)| (format!("{:02}", n + 2), *c)).collect();
    cities.split(' ').map(|name| City { name, area: "", counties: counties() }).collect()
}

fn anhui_city(line: &'static str) -> Option<City> {
    let mut words = line.split(' ');
    let (area, name) = (words.next()?, words.next()?);
    let counties = words.filter_map(|w| Some((w.get(..2)?.to_owned(), w.get(2..)?))).collect();
    Some(City { name, area, counties })
}

/// Whether ID numbers begin with this province's code.
pub(super) fn has_areas(province: &str) -> bool {
    province == "34" || CITIES.iter().any(|(code, _)| *code == province)
}

/// Area codes (six digits) that people of a province carry in their ID numbers.
pub(super) fn areas(province: &str) -> Vec<String> {
    let cities = cities(province);
    let with_code = |(n, city): (usize, &City)| {
        let own = format!("{province}{:02}", n + 1);
        let prefix = if city.area.is_empty() { own } else { city.area.to_owned() };
        city.counties.iter().map(|(digits, _)| format!("{prefix}{digits}")).collect::<Vec<_>>()
    };
    cities.iter().enumerate().flat_map(with_code).collect()
}

/// Made-up universities of a city; the first one of 合肥 is the demonstration's own.
pub(super) fn university(city: &str, number: usize) -> (String, &'static str) {
    let place = city.trim_end_matches(['市', '区', '州']);
    let place = if city == "合肥市" && number == 0 { "庐州" } else { place };
    const KINDS: &[(&str, &str)] = &[
        ("大学", "school_university"),
        ("职业技术学院", "school_higher_vocational"),
        ("师范大学", "school_university"),
        ("医科大学", "school_university"),
        ("理工大学", "school_university"),
        ("农业大学", "school_university"),
        ("财经大学", "school_university"),
        ("交通职业技术学院", "school_higher_vocational"),
        ("建筑大学", "school_university"),
        ("中医药大学", "school_university"),
        ("外国语学院", "school_university"),
        ("电子信息职业学院", "school_higher_vocational"),
    ];
    let (kind, industry) = KINDS[number % KINDS.len()];
    let turn = ["", "新", "江淮", "东方", "长江", "华夏"];
    let first = turn.get(number / KINDS.len()).copied().unwrap_or("第二");
    (format!("{place}{first}{kind}"), industry)
}

/// Colleges of a university with their programmes.
pub(super) const COLLEGES: &[(&str, &[&str])] = &[
    ("计算机与信息学院", &["软件工程", "计算机科学与技术", "人工智能", "物联网工程", "信息安全"]),
    ("机械工程学院", &["机械设计制造及其自动化", "车辆工程", "智能制造工程"]),
    ("外国语学院", &["英语", "日语", "翻译", "商务英语"]),
    ("土木与水利工程学院", &["土木工程", "水利水电工程", "给排水科学与工程"]),
    ("经济管理学院", &["会计学", "金融学", "工商管理", "市场营销"]),
    ("电气与自动化工程学院", &["电气工程及其自动化", "自动化", "测控技术与仪器"]),
    ("材料科学与工程学院", &["材料成型及控制工程", "金属材料工程"]),
    ("化学与化工学院", &["应用化学", "化学工程与工艺", "制药工程"]),
    ("数学学院", &["数学与应用数学", "信息与计算科学", "统计学"]),
    ("物理学院", &["应用物理学", "光电信息科学与工程"]),
    ("文法学院", &["法学", "汉语言文学", "思想政治教育"]),
    ("马克思主义学院", &["思想政治教育", "马克思主义理论"]),
    ("建筑与艺术学院", &["建筑学", "环境设计", "视觉传达设计"]),
    ("食品与生物工程学院", &["食品科学与工程", "生物工程"]),
    ("微电子学院", &["微电子科学与工程", "集成电路设计与集成系统"]),
    ("体育学院", &["体育教育", "社会体育指导与管理"]),
];

/// Names of streets, townships, villages and communities.
pub(super) const STREETS: &[&str] = &[
    "三里庵",
    "稻香村",
    "琥珀",
    "南七里站",
    "西园",
    "五里墩",
    "荷叶地",
    "笔架山",
    "井岗",
    "和平路",
    "胜利路",
    "红星路",
    "解放路",
    "杏花村",
    "海棠",
    "逍遥津",
    "双岗",
    "亳州路",
    "林店",
    "大通路",
];
pub(super) const TOWNS: &[&str] = &[
    "南岗镇",
    "小庙镇",
    "双墩镇",
    "水湖镇",
    "店埠镇",
    "梁园镇",
    "桥头集镇",
    "上派镇",
    "三河镇",
    "紫蓬镇",
    "柏堰镇",
    "官亭镇",
    "山南镇",
    "汤池镇",
    "万山镇",
    "盛桥镇",
    "白湖镇",
    "柘皋镇",
    "黄麓镇",
    "散兵镇",
    "中垾镇",
    "夏阁镇",
    "槐林镇",
    "岗集镇",
    "下塘镇",
    "朱巷镇",
    "义井乡",
    "庄墓镇",
    "左店镇",
    "杜集镇",
];
pub(super) const PLACES: &[&str] = &[
    "桃花",
    "新民",
    "团结",
    "光明",
    "双塘",
    "大圩",
    "石桥",
    "杨湾",
    "黄岗",
    "枣林",
    "刘集",
    "张祠",
    "清溪",
    "柳树",
    "茶亭",
    "望湖",
    "金葡萄",
    "汪堰",
    "陈店",
    "莲花",
    "长乐",
    "青年",
    "友谊",
    "中心",
    "凤凰",
    "高塘",
];
/// Made-up enterprises.
pub(super) const FIRMS: &[(&str, &str)] = &[
    ("江淮重型机械有限公司", "state_local"),
    ("皖新印务股份有限公司", "private_domestic"),
    ("庐峰电子科技有限公司", "private_domestic"),
    ("建工第三建筑有限公司", "state_local"),
    ("城市轨道运营有限公司", "state_local"),
    ("徽商农业银行股份有限公司", "state_finance"),
    ("华安新能源汽车有限公司", "private_foreign"),
    ("水务集团有限公司", "state_local"),
    ("公共交通集团有限公司", "state_local"),
    ("晨光纺织有限公司", "private_hmt"),
    ("智行软件有限公司", "private_domestic"),
    ("供电公司", "state_central"),
];
pub(super) const DEPARTMENTS: &[&str] = &[
    "机关",
    "生产一部",
    "生产二部",
    "技术中心",
    "质量部",
    "销售部",
    "工程部",
    "客服中心",
    "物流部",
    "研发中心",
    "财务部",
    "运行部",
    "维修车间",
    "装配车间",
    "动力车间",
];
pub(super) const BUREAUS: &[&str] = &[
    "教育局",
    "卫生健康委",
    "公安局",
    "财政局",
    "民政局",
    "自然资源局",
    "市场监管局",
    "税务局",
    "法院",
    "检察院",
    "交通运输局",
    "文化和旅游局",
    "人民医院",
    "中医院",
    "图书馆",
];

/// Surnames with their share in ten thousand.
const SURNAMES: &[(&str, u32)] = &[
    ("王", 720),
    ("李", 719),
    ("张", 683),
    ("刘", 538),
    ("陈", 453),
    ("杨", 308),
    ("黄", 223),
    ("赵", 215),
    ("吴", 205),
    ("周", 202),
    ("徐", 145),
    ("孙", 138),
    ("马", 129),
    ("朱", 126),
    ("胡", 124),
    ("郭", 115),
    ("何", 112),
    ("林", 111),
    ("高", 105),
    ("罗", 98),
    ("郑", 96),
    ("梁", 85),
    ("谢", 76),
    ("宋", 74),
    ("唐", 72),
    ("许", 71),
    ("韩", 68),
    ("邓", 67),
    ("冯", 66),
    ("曹", 65),
    ("彭", 63),
    ("曾", 58),
    ("肖", 57),
    ("田", 55),
    ("董", 53),
    ("潘", 52),
    ("袁", 51),
    ("蔡", 48),
    ("蒋", 48),
    ("余", 47),
    ("于", 46),
    ("杜", 46),
    ("叶", 45),
    ("程", 45),
    ("魏", 44),
    ("苏", 43),
    ("吕", 42),
    ("丁", 41),
    ("任", 40),
    ("卢", 39),
    ("姚", 38),
    ("沈", 37),
    ("钟", 36),
    ("姜", 35),
    ("崔", 34),
    ("谭", 33),
    ("陆", 32),
    ("范", 31),
    ("汪", 60),
    ("廖", 29),
    ("石", 28),
    ("金", 27),
    ("韦", 26),
    ("贾", 25),
    ("夏", 24),
    ("付", 23),
    ("方", 45),
    ("邹", 22),
    ("熊", 21),
    ("白", 20),
    ("孟", 20),
    ("秦", 19),
    ("邱", 19),
    ("侯", 18),
    ("江", 18),
    ("尹", 17),
    ("薛", 17),
    ("闫", 16),
    ("段", 16),
    ("雷", 15),
    ("龙", 15),
    ("黎", 14),
    ("史", 14),
    ("陶", 14),
    ("贺", 13),
    ("毛", 13),
    ("郝", 12),
    ("顾", 12),
    ("龚", 11),
    ("邵", 11),
    ("万", 11),
    ("覃", 10),
    ("武", 10),
    ("钱", 10),
    ("戴", 9),
    ("严", 9),
    ("莫", 8),
    ("孔", 8),
    ("向", 7),
    ("常", 7),
    ("汤", 7),
    ("解", 5),
    ("单", 5),
    ("仇", 4),
    ("查", 4),
    ("欧阳", 6),
    ("诸葛", 2),
    ("上官", 2),
    ("司马", 2),
    ("尉迟", 1),
    ("区", 1),
    ("朴", 1),
];
const MALE: &str = "伟强磊军洋勇杰涛超明刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢阳建峰亮成畅东晨昊博文轩泽子豪睿铭嘉皓天佑宸梓浩然一诺奕辰";
const FEMALE: &str = "芳娜敏静丽艳娟霞秀燕玲桂英丹萍红玉兰洁梅琳婷雪慧莹倩颖露瑶怡蕾薇佳欣雨梦婧琪璇萱思涵诗雅子晴悦欣妍可馨语桐若曦";
const RARE: &[&str] =
    &["翀", "堃", "犇", "祎", "赟", "䶮", "㛃", "𬭚", "𫖯", "𠮷", "𬸚", "龑", "喆", "旻", "彧"];
/// Minority names (given name, second part) with the code of the people.
const UYGHUR: (&[&str], &[&str]) = (
    &[
        "艾力",
        "买买提",
        "阿不都拉",
        "吐尔逊",
        "古丽",
        "阿依古丽",
        "热娜",
        "帕提古丽",
        "艾山",
        "阿卜杜热合曼",
    ],
    &["买买提", "吐尔逊", "艾合买提", "依明", "斯迪克", "卡德尔", "阿不力孜", "玉素甫"],
);
const TIBETAN: (&[&str], &[&str]) = (
    &["扎西", "卓玛", "次仁", "丹增", "格桑", "央金", "洛桑", "达瓦"],
    &["次仁", "卓玛", "平措", "顿珠", "旺堆", "拉姆"],
);

/// A name that suits, with the code of the people (GB/T 3304).
pub(super) fn person(rng: &mut StdRng, sex: Sex) -> (String, &'static str) {
    match rng.random_range(0..1000) {
        0..8 => (format!("{}·{}", pick(rng, UYGHUR.0), pick(rng, UYGHUR.1)), "05"),
        8..12 => (format!("{}{}", pick(rng, TIBETAN.0), pick(rng, TIBETAN.1)), "04"),
        12..15 => (format!("{}{}", surname(rng), pick(rng, RARE)), "01"),
        15..18 => (format!("𠮷{}", given(rng, sex)), "01"),
        _ => {
            let name = format!("{}{}", surname(rng), given(rng, sex));
            (name, ethnic(rng))
        }
    }
}

fn surname(rng: &mut StdRng) -> &'static str {
    let total: u32 = SURNAMES.iter().map(|(_, share)| share).sum();
    let mut at = rng.random_range(0..total);
    for (name, share) in SURNAMES {
        if at < *share {
            return name;
        }
        at -= share;
    }
    "王"
}

fn given(rng: &mut StdRng, sex: Sex) -> String {
    let letters: Vec<char> = if sex == Sex::Male { MALE } else { FEMALE }.chars().collect();
    // The lower of two draws: the first letters of each list come far more often.
    let mut letter = || {
        let (a, b) = (rng.random_range(0..letters.len()), rng.random_range(0..letters.len()));
        letters[a.min(b)]
    };
    let first = letter();
    let second = letter();
    if rng.random_range(0..100) < 30 { first.to_string() } else { format!("{first}{second}") }
}

fn ethnic(rng: &mut StdRng) -> &'static str {
    match rng.random_range(0..1000) {
        0..915 => "01",
        915..935 => "03",
        935..950 => "11",
        950..962 => "15",
        962..974 => "06",
        974..984 => "08",
        984..990 => "02",
        990..994 => "12",
        994..997 => "22",
        _ => "13",
    }
}

pub(super) fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Rules, fields};
    use rand::SeedableRng;

    #[test]
    fn every_name_made_passes_the_rule_for_names() {
        let mut rng = StdRng::seed_from_u64(3);
        for n in 0..5_000 {
            let (name, _) = person(&mut rng, if n % 2 == 0 { Sex::Male } else { Sex::Female });
            let read = fields::name(&name, Rules::builtin()).expect("a valid name");
            assert_eq!(read.value, name);
        }
        for rare in RARE {
            assert!(fields::name(&format!("王{rare}"), Rules::builtin()).is_ok(), "{rare}");
        }
    }

    #[test]
    fn the_demonstrations_province_is_complete_and_area_codes_have_six_digits() {
        assert_eq!(cities("34").len(), 16);
        assert_eq!(cities("34").iter().map(|c| c.counties.len()).sum::<usize>(), 104);
        for province in ["34", "44"] {
            assert!(has_areas(province) && areas(province).iter().all(|a| a.len() == 6));
        }
    }
}
