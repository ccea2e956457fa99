use super::*;

fn parse(source: &str) -> Result<Page, Vec<String>> {
    Page::parse(&FilePath::parse("docs/a.md").unwrap(), source)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_page_without_front_matter_or_tools_has_no_tools() {
    for source in [
        "# Hello\n",
        "",
        "---\ntitle: x\n---\n",
        "---\ntools:\n---\n",
        "---\ntools: []\n---\n",
        "---\n---\n",
        "+++\n+++\n",
    ] {
        assert!(parse(source).unwrap().tools().is_empty(), "{source:?}");
    }
}

#[test]
fn the_example_of_the_guide_is_read() {
    let source = r#"---
tools:
  - [ls]                                          # may be followed by anything
  - [cat, { }]                                    # exactly one argument, then anything
  - [cat, { regex: ".*\\.(txt|md|json)$" }, ;]    # one argument that fits, and nothing more
  - [psql, -U, $USER, -d, $DB, -c, { regex: "^SELECT\\b.*" }, ;]
  - command: [curl, -H, "Authorization: Bearer $API_KEY", { }]   # the long form
    description: Call the orders API              # optional; shown to agents
    timeout: 10s                                  # optional; 30s unless set, 10m at most
env: [REGION]
title: Orders
---
# Orders
"#;
    let page = parse(source).unwrap();
    assert_eq!(page.tools().len(), 5);
    assert_eq!(page.body(), "# Orders\n");
    assert_eq!(page.title(), Some("Orders"));
    let variables: Vec<&str> = page.variables().map(VariableName::as_str).collect();
    assert_eq!(variables, ["API_KEY", "DB", "REGION", "USER"]);
    assert!(page.mentions("REGION") && page.mentions("DB") && !page.mentions("API"));
    let open: Vec<&str> = page.open_to_flags().map(Tool::program).collect();
    assert_eq!(open, ["ls", "cat", "curl"]);
}

#[test]
fn positions_are_those_of_the_file_with_windows_line_ends_and_a_byte_order_mark() {
    let faults = parse("\u{feff}---\r\ntitle: é\r\ntools:\r\n  - [é, [x]]\r\n---\r\n").unwrap_err();
    assert!(faults[0].starts_with("docs/a.md:4:9: "), "{faults:?}");
    let faults = parse("+++\r\ntools = [\r\n  ['é', []],\r\n]\r\n+++\r\n").unwrap_err();
    assert!(faults[0].starts_with("docs/a.md:3:9: "), "{faults:?}");
}

#[test]
fn other_keys_are_tolerated_whatever_they_hold() {
    let page = parse("---\nauthor: {name: x, tags: [1, [2]]}\ndescription: [x]\n1: 2\n---\nbody").unwrap();
    assert_eq!((page.description(), page.body()), (None, "body"));
}

#[test]
fn env_lists_names_and_nothing_else() {
    for (env, fault) in [
        ("REGION", "docs/a.md:2:6: `env` must be a list"),
        ("[[A]]", "docs/a.md:2:7: `env` lists names"),
        ("[$A]", "docs/a.md:2:7: a variable's name has"),
        ("[PYTHONPATH]", "docs/a.md:2:7: `PYTHONPATH` steers"),
    ] {
        let faults = parse(&format!("---\nenv: {env}\n---\n")).unwrap_err();
        assert!(faults[0].starts_with(fault), "{faults:?}");
    }
}

#[test]
fn warnings_keep_no_page_from_being_used() {
    let page = parse("---\ntools:\n  - [find, .]\n---\n").unwrap();
    assert_eq!(page.warnings().len(), 1);
    assert!(page.warnings()[0].to_string().starts_with("docs/a.md:3:5: `find`"));
    assert_eq!(page.warnings()[0].severity, crate::Severity::Warning);
}
