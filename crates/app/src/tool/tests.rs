use super::*;
use crate::{FilePath, Page};

fn page(source: &str) -> Result<Page, Vec<String>> {
    Page::parse(&FilePath::parse("a.md").unwrap(), source)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn yaml(tools: &str) -> Result<Page, Vec<String>> {
    page(&format!("---\ntools: {tools}\n---\n"))
}

fn only_fault(tools: &str) -> String {
    let faults = yaml(tools).unwrap_err();
    assert_eq!(faults.len(), 1, "{tools}: {faults:?}");
    faults[0].clone()
}

fn shown(tools: &str) -> Vec<String> {
    yaml(tools).unwrap().tools().iter().map(ToString::to_string).collect()
}

#[test]
fn a_tool_reads_as_an_agent_should_send_it() {
    assert_eq!(
        shown(
            r#"[[ls], [cat, { }], [cat, {}, ;], [cat, {regex: '.*\.txt$'}, ;], [curl, -H, "Bearer $KEY", ""]]"#
        ),
        ["ls", "cat { }", "cat { } ;", r#"cat {regex: ".*\.txt$"} ;"#, r#"curl -H "Bearer $KEY" """#]
    );
}

#[test]
fn the_long_form_has_a_description_and_a_timeout() {
    for (written, timeout) in
        [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("10m", 600_000), ("600s", 600_000)]
    {
        let page = yaml(&format!("[{{command: [ls], description: ' Lists ', timeout: {written}}}]")).unwrap();
        let tool = &page.tools()[0];
        assert_eq!(tool.timeout(), Some(Duration::from_millis(timeout)));
        assert_eq!(tool.description(), Some("Lists"));
        assert_eq!(tool.position(), Position { line: 2, column: 9 });
    }
    assert_eq!(yaml("[[ls]]").unwrap().tools()[0].timeout(), None);
}

#[test]
fn a_timeout_without_unit_or_out_of_bounds_is_a_fault() {
    for written in [
        "10",
        "'10'",
        "0s",
        "11m",
        "601s",
        "1h",
        "-1s",
        "1.5s",
        "s",
        "''",
        "[1]",
        "99999999999999999999s",
        "null",
    ] {
        let fault = only_fault(&format!("[{{command: [ls], timeout: {written}}}]"));
        assert!(fault.starts_with("a.md:2:34: `timeout`"), "{fault}");
    }
}

#[test]
fn what_is_not_clearly_a_tool_is_a_fault_with_its_place() {
    for (tools, fault) in [
        ("ls", "a.md:2:8: `tools` must be a list"),
        ("{a: b}", "a.md:2:8: `tools` must be a list"),
        ("[ls]", "a.md:2:9: a tool is a list"),
        ("[[]]", "a.md:2:9: the tool is empty"),
        ("[null]", "a.md:2:9: a tool is a list"),
        ("[[;]]", "a.md:2:10: `;` can only be the last"),
        ("[[ls, ;, -l]]", "a.md:2:14: `;` can only be the last"),
        ("[[ls, ;, ;]]", "a.md:2:14: `;` can only be the last"),
        ("[[{ }, -l]]", "a.md:2:10: a tool begins with its program"),
        ("[[{regex: a}]]", "a.md:2:10: a tool begins with its program"),
        ("[['', -l]]", "a.md:2:10: the tool's program is empty"),
        ("[[$PROGRAM, -l]]", "a.md:2:10: the tool's program cannot have a variable"),
        ("[[ls, [a]]]", "a.md:2:14: an element of a tool must be a scalar"),
        ("[[ls, null]]", "a.md:2:14: an element of a tool is empty"),
        ("[[ls, ~]]", "a.md:2:14: an element of a tool is empty"),
        ("[[ls, {rgex: a}]]", "a.md:2:15: a placeholder is"),
        ("[[ls, {regex: a, flags: i}]]", "a.md:2:25: a placeholder is"),
        ("[[ls, {regex: }]]", "a.md:2:"),
        ("[[ls, {regex: [a]}]]", "a.md:2:22: `regex` must be a pattern"),
        ("[[ls, {regex: '('}]]", "a.md:2:22: the pattern does not compile"),
        ("[[ls, {regex: '(?!a)'}]]", "a.md:2:22: the pattern does not compile: look-around"),
        (
            r#"[[ls, {regex: "^a\b"}]]"#,
            r"a.md:2:22: `\b` in double quotes is a backspace; in single quotes the pattern gets it as written: '^a\b'",
        ),
        ("[[ls, $PATH]]", "a.md:2:14: `$PATH` steers"),
        ("[[ls, \"x$LD_PRELOAD\"]]", "a.md:2:14: `$LD_PRELOAD` steers"),
        (r#"[[ls, "a\0b"]]"#, "a.md:2:14: an argument cannot have a NUL"),
        ("[{command: ls}]", "a.md:2:19: `command` must be a list"),
        ("[{description: x}]", "a.md:2:9: the tool has no `command`"),
        ("[{command: [ls], descripton: x}]", "a.md:2:25: a tool has no key `descripton`"),
        ("[{command: [ls], description: [x]}]", "a.md:2:38: `description` must be text"),
    ] {
        let found = only_fault(tools);
        assert!(found.starts_with(fault), "{tools}\n  {found}\n  {fault}");
    }
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let faults = page("---\nenv: [1A, PATH]\ntools:\n  - [ls, {x: y}, [z], ;, ;]\n  - {command: []}\n---\n")
        .unwrap_err();
    let places: Vec<&str> =
        faults.iter().map(|fault| fault.rsplit_once(": ").map_or("", |_| &fault[..9])).collect();
    assert_eq!(
        places,
        ["a.md:2:7:", "a.md:2:11", "a.md:4:11", "a.md:4:18", "a.md:4:23", "a.md:5:15"],
        "{faults:#?}"
    );
}

#[test]
fn tools_in_toml_are_the_same_tools() {
    let page = page(
        "+++\ntools = [\n  [\"ls\"],\n  ['cat', {}],\n  ['head', '-n', 5, {regex = '.*\\.txt$'}, ';'],\n  {command = ['x'], timeout = '1s'},\n]\n+++\n",
    )
    .unwrap();
    let shown: Vec<String> = page.tools().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["ls", "cat { }", r#"head -n 5 {regex: ".*\.txt$"} ;"#, "x"]);
    assert_eq!(page.tools()[3].timeout(), Some(Duration::from_secs(1)));
}

#[test]
fn tables_of_toml_are_long_forms() {
    let page = page(
        "+++\n[[tools]]\ncommand = ['ls']\ndescription = 'Lists'\n\n[[tools]]\ncommand = ['pwd', ';']\n+++\n",
    )
    .unwrap();
    assert_eq!(page.tools().len(), 2);
    assert_eq!(page.tools()[1].position().line, 6);
}

#[test]
fn a_brace_after_a_dollar_is_warned_about() {
    let page = yaml("[[echo, 'a${B}', ;]]").unwrap();
    assert_eq!(page.warnings().len(), 1);
    assert_eq!(page.warnings()[0].position, Some(Position { line: 2, column: 16 }));
    assert!(!page.mentions("B"));
}

#[test]
fn a_page_has_a_bounded_number_of_tools() {
    let many = |count: usize| yaml(&format!("[{}]", vec!["[ls]"; count].join(", ")));
    assert!(many(256).is_ok());
    assert!(many(257).is_err());
}

#[test]
fn aliases_share_tools_and_patterns() {
    let page = page(
        "---\nname: &safe {regex: '^[a-z]+$'}\ntools:\n  - [cat, *safe, ;]\n  - [head, *safe, ;]\n---\n",
    )
    .unwrap();
    assert_eq!(page.tools()[1].to_string(), "head {regex: \"^[a-z]+$\"} ;");
}
