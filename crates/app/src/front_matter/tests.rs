use super::*;

fn divided(source: &str) -> Divided<'_> {
    divide(&mut FaultLog::new("a.md", source))
}

fn map(language: Language, front: &str) -> Result<Vec<Entry>, Vec<String>> {
    let mut log = FaultLog::new("a.md", front);
    let entries = read(&mut log, language, 0, front);
    log.finish().map(|_| entries).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn items(language: Language, front: &str) -> Vec<String> {
    let entries = map(language, front).unwrap();
    let NodeKind::List(items) = &entries[0].value.kind else { panic!("{entries:?}") };
    items
        .iter()
        .map(|item| match &item.kind {
            NodeKind::Scalar(scalar) => scalar.text.clone(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_page_is_cut_at_its_fences() {
    assert_eq!(divided("---\na: 1\n---\nbody\n").front, Some((Language::Yaml, 4, "a: 1\n")));
    assert_eq!(divided("---\na: 1\n---\nbody\n").body, "body\n");
    assert_eq!(divided("+++\na = 1\n+++").front, Some((Language::Toml, 4, "a = 1\n")));
    assert_eq!(divided("\u{feff}---  \r\na: 1\r\n---\r\nbody").front, Some((Language::Yaml, 10, "a: 1\r\n")));
    assert_eq!(divided("---\n---\n").front, Some((Language::Yaml, 4, "")));
}

#[test]
fn without_a_fence_in_the_first_line_all_is_body() {
    for source in
        ["", "# Title\n---\na: 1\n---\n", "\n---\n---\n", "----\n----\n", " ---\n---\n", "---a\n---\n"]
    {
        assert_eq!(divided(source), Divided { front: None, body: source });
    }
}

#[test]
fn a_fence_that_is_never_closed_is_a_fault() {
    for source in ["---\na: 1\n", "+++\na = 1\n---\n", "---", "---\na: 1\n ---\n"] {
        let mut log = FaultLog::new("a.md", source);
        divide(&mut log);
        let faults = log.finish().unwrap_err();
        assert!(faults[0].to_string().starts_with("a.md:1:1: the front matter that"), "{source:?}");
    }
}

#[test]
fn bare_scalars_are_the_text_as_written() {
    let written = [
        "5",
        "1.50",
        "yes",
        "0x10",
        "-0",
        "1e3",
        ".inf",
        "0o17",
        "1_000",
        "true",
        "2020-01-01",
        "$USER",
        ";",
        "a b",
    ];
    assert_eq!(items(Language::Yaml, &format!("tools: [{}]", written.join(", "))), written);
    let written = ["5", "1.50", "0x10", "-0", "1e3", "inf", "0o17", "1_000", "true", "2020-01-01"];
    assert_eq!(items(Language::Toml, &format!("tools = [{}]", written.join(", "))), written);
}

#[test]
fn every_way_of_yaml_to_write_a_scalar_is_read() {
    assert_eq!(
        items(
            Language::Yaml,
            "tools:\n - plain\n - 'single ''q'\n - \"double \\\"q\\\\\"\n - |-\n  block\n - >-\n  fol\n  ded"
        ),
        ["plain", "single 'q", "double \"q\\", "block", "fol ded"]
    );
}

#[test]
fn what_is_empty_is_null_and_quoted_words_are_not() {
    assert_eq!(items(Language::Yaml, "tools: [null, ~, 'null', '~', '']"), ["Null", "Null", "null", "~", ""]);
}

#[test]
fn aliases_repeat_what_they_name_within_a_budget() {
    let entries = map(Language::Yaml, "a: &x [1, 2]\nb: *x").unwrap();
    assert_eq!(entries[0].value.kind, entries[1].value.kind);
    let level = |level: usize| {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{aliases}]\n")
    };
    let bomb = format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", (1..9).map(level).collect::<String>());
    assert!(map(Language::Yaml, &bomb).unwrap_err()[0].contains("too many values"));
    let text = "x".repeat(20_000);
    let bomb = format!("a: &a {text}\nb: [{}]", vec!["*a"; 60].join(", "));
    assert!(map(Language::Yaml, &bomb).unwrap_err()[0].contains("too many values"));
    assert!(map(Language::Yaml, "a: &a [*a]").is_err());
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [40, 300, 20_000] {
        assert!(map(Language::Yaml, &format!("a: {}", "[".repeat(depth))).is_err());
        assert!(map(Language::Yaml, &"- ".repeat(depth)).is_err());
        assert!(map(Language::Yaml, &format!("a: {}", "{a: ".repeat(depth / 2))).is_err());
    }
    for depth in [100, 20_000] {
        assert!(map(Language::Toml, &format!("a = {}", "[".repeat(depth))).is_err());
        assert!(map(Language::Toml, &format!("{}a = 1", "a.".repeat(depth))).is_err());
    }
}

#[test]
fn a_key_given_twice_is_refused_with_its_place() {
    assert_eq!(
        map(Language::Yaml, "a: 1\nb: 2\na: 3").unwrap_err(),
        ["a.md:3:1: the key `a` is given twice"]
    );
    assert!(map(Language::Yaml, "a: {x: 1, 'x': 2}").unwrap_err()[0].starts_with("a.md:1:11: "));
    assert!(map(Language::Toml, "a = 1\na = 2").unwrap_err()[0].starts_with("a.md:2:1: "));
}

#[test]
fn the_double_quoted_pattern_gets_its_single_quoted_form() {
    assert_eq!(
        map(Language::Yaml, "tools:\n  - [cat, { regex: \".*\\.txt$\" }]").unwrap_err(),
        [
            "a.md:2:23: `\\.` is not an escape of YAML in double quotes; in single quotes a backslash is a backslash: '.*\\.txt$'"
        ]
    );
    let fault = map(Language::Toml, "tools = [['cat', {regex = \".*\\.txt$\"}]]").unwrap_err();
    assert_eq!(
        fault[0],
        "a.md:1:30: `\\.` is not an escape of TOML in double quotes; in single quotes a backslash is a backslash: '.*\\.txt$'"
    );
}

#[test]
fn other_faults_of_the_syntax_have_their_place() {
    for (front, place) in [
        ("a: [1, 2", "a.md:"),
        ("a: 1\nb: *nothing", "a.md:2:4: "),
        ("a: 1\nb: @x", "a.md:2:4: "),
        ("a: !x 1", "a.md:1:"),
        ("just text", "a.md:1:1: "),
        ("- a", "a.md:1:1: "),
        ("a: 1\n--- b", "a.md:2:1: "),
        ("? [a]\n: b", "a.md:1:3: "),
    ] {
        let faults = map(Language::Yaml, front).unwrap_err();
        assert!(faults[0].starts_with(place), "{front:?}: {faults:?}");
    }
    let faults = map(Language::Toml, "a = \nb = 1\nc =").unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn front_matter_that_is_empty_is_an_empty_mapping() {
    for front in ["", "\n", "# a comment\n", "null"] {
        assert_eq!(map(Language::Yaml, front), Ok(Vec::new()), "{front:?}");
    }
    assert_eq!(map(Language::Toml, "# a comment"), Ok(Vec::new()));
}

#[test]
fn front_matter_that_is_too_long_is_refused() {
    assert!(map(Language::Yaml, &"# x\n".repeat(20_000)).unwrap_err()[0].contains("longer than"));
}
