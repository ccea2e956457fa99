use super::*;
use crate::{FilePath, Page};

fn page(tools: &str) -> Page {
    Page::parse(&FilePath::parse("a.md").unwrap(), &format!("---\ntools: {tools}\n---\n")).unwrap()
}

fn command(arguments: &[&str]) -> CommandLine {
    CommandLine::parse(arguments.iter().map(ToString::to_string).collect()).unwrap()
}

fn allows(tools: &str, arguments: &[&str]) -> bool {
    page(tools).admit(&command(arguments)).is_ok()
}

static LONG: [u8; COMMAND_BYTES_MAX] = [b'x'; COMMAND_BYTES_MAX];

fn values(name: &VariableName) -> Option<&'static str> {
    match name.as_str() {
        "USER" => Some("ada"),
        "API_KEY" => Some("s3cret-$USER-$$"),
        "API" => Some("wrong"),
        "EMPTY" => Some(""),
        "BROKEN" => Some("a\0b"),
        "LONG" => std::str::from_utf8(&LONG).ok(),
        _ => None,
    }
}

#[test]
fn arguments_left_over_are_allowed_unless_the_tool_is_closed() {
    assert!(allows("[[ls]]", &["ls"]) && allows("[[ls]]", &["ls", "-l", "/x"]));
    assert!(allows("[[ls, ;]]", &["ls"]) && !allows("[[ls, ;]]", &["ls", "-l"]));
    assert!(!allows("[[ls, -l]]", &["ls"]));
}

#[test]
fn a_bare_placeholder_takes_exactly_one_argument() {
    assert!(allows("[[cat, { }]]", &["cat", "x"]) && allows("[[cat, { }]]", &["cat", "x", "y"]));
    assert!(!allows("[[cat, { }]]", &["cat"]));
    assert!(allows("[[cat, { }, ;]]", &["cat", ""]) && !allows("[[cat, { }, ;]]", &["cat", "x", "y"]));
}

#[test]
fn a_bare_placeholder_of_a_closed_tool_takes_no_flag() {
    assert!(allows("[[cat, { }]]", &["cat", "-n"]));
    assert!(!allows("[[cat, { }, ;]]", &["cat", "-n"]) && !allows("[[cat, { }, ;]]", &["cat", "-"]));
    assert!(allows("[[head, -n, { regex: '^-?\\d+$' }, ;]]", &["head", "-n", "-5"]));
}

#[test]
fn literals_equal_the_argument_as_written() {
    assert!(allows("[[psql, -U, $USER]]", &["psql", "-U", "$USER"]));
    assert!(!allows("[[psql, -U, $USER]]", &["psql", "-U", "ada"]));
    assert!(allows("[[echo, a$$b]]", &["echo", "a$$b"]) && !allows("[[echo, a$$b]]", &["echo", "a$b"]));
    assert!(
        allows("[[head, -n, 05]]", &["head", "-n", "05"])
            && !allows("[[head, -n, 05]]", &["head", "-n", "5"])
    );
}

#[test]
fn pitfall_31_a_pattern_never_matches_in_the_middle() {
    let tools = "[[psql, -c, { regex: 'SELECT.*' }, ;], [a, { regex: '(?m)^ok$' }, ;], [b, { regex: '(?x) ok # x' }, ;]]";
    assert!(allows(tools, &["psql", "-c", "SELECT 1"]));
    assert!(!allows(tools, &["psql", "-c", "DROP TABLE x; SELECT 1"]));
    assert!(!allows(tools, &["psql", "-c", " SELECT 1"]));
    assert!(!allows(tools, &["a", "bad\nok"]) && allows(tools, &["a", "ok"]));
    assert!(!allows(tools, &["b", "not ok"]) && allows(tools, &["b", "ok"]));
}

#[test]
fn pitfall_32_a_longer_name_is_not_cut_by_a_shorter_one() {
    let page = page("[[curl, '$API', 'x $API_KEY/$API', ;]]");
    let sent = command(&["curl", "$API", "x $API_KEY/$API"]);
    let allowed = page.admit(&sent).unwrap().expand(&values).unwrap();
    assert_eq!(allowed.argv(), ["curl", "wrong", "x s3cret-$USER-$$/wrong"]);
}

#[test]
fn pitfall_33_what_was_checked_is_what_runs() {
    let page = page("[[echo, $USER, { }, '$$5']]");
    let sent = command(&["echo", "$USER", "$USER", "$$5", "$API_KEY", "$$"]);
    let allowed = page.admit(&sent).unwrap().expand(&values).unwrap();
    assert_eq!(allowed.argv(), ["echo", "ada", "$USER", "$5", "$API_KEY", "$$"]);
    assert_eq!(allowed.masked_argv(), sent.arguments());
}

#[test]
fn the_first_tool_of_the_page_that_matches_decides() {
    let page = page("[[echo, { }, ;], {command: [echo, $USER], timeout: 1s}]");
    let sent = command(&["echo", "$USER"]);
    let allowed = page.admit(&sent).unwrap().expand(&values).unwrap();
    assert_eq!((allowed.argv(), allowed.timeout()), (sent.arguments(), DEFAULT_TIMEOUT));
    let sent = command(&["echo", "$USER", "x"]);
    let admitted = page.admit(&sent).unwrap();
    assert_eq!(admitted.tool().timeout(), Some(Duration::from_secs(1)));
    assert_eq!(admitted.expand(&values).unwrap().argv(), ["echo", "ada", "x"]);
}

#[test]
fn a_variable_without_a_usable_value_is_an_error_that_names_it() {
    let page = page("[[a, $MISSING], [b, $BROKEN], [c, $LONG], [d, $EMPTY]]");
    let expand = |arguments: &[&str]| {
        let sent = command(arguments);
        page.admit(&sent).unwrap().expand(&values).map(|allowed| allowed.argv().to_vec())
    };
    let name = |text: &str| VariableName::parse(text).unwrap();
    assert_eq!(expand(&["a", "$MISSING"]), Err(ExpansionFault::UnsetVariable { name: name("MISSING") }));
    assert_eq!(expand(&["b", "$BROKEN"]), Err(ExpansionFault::NulInValue { name: name("BROKEN") }));
    assert_eq!(expand(&["c", "$LONG"]), Err(ExpansionFault::TooLong));
    assert_eq!(expand(&["d", "$EMPTY"]), Ok(vec!["d".to_owned(), String::new()]));
}

#[test]
fn no_value_shows_when_a_command_is_printed() {
    let page = page("[[curl, 'Bearer $API_KEY']]");
    let sent = command(&["curl", "Bearer $API_KEY"]);
    let admitted = page.admit(&sent).unwrap();
    let allowed = admitted.expand(&values).unwrap();
    let printed = format!("{allowed:?} {admitted:?}");
    assert!(printed.contains("Bearer $API_KEY") && !printed.contains("s3cret"), "{printed}");
}

#[test]
fn a_refusal_tells_the_nearest_tool_and_where_it_parts() {
    let page = page("[[ls], [cat, { }, ;], [psql, -c, { regex: '^SELECT' }, ;]]");
    let refusal = |arguments: &[&str]| page.admit(&command(arguments)).unwrap_err();
    assert_eq!(refusal(&["rm", "-rf"]).nearest, None);
    let nearest =
        |arguments: &[&str]| refusal(arguments).nearest.map(|near| (near.argument, near.misfit)).unwrap();
    assert_eq!(nearest(&["cat"]), (1, Misfit::Missing));
    assert_eq!(nearest(&["cat", "-n"]), (1, Misfit::Flag));
    assert_eq!(nearest(&["cat", "a", "b"]), (2, Misfit::Extra));
    assert_eq!(nearest(&["psql", "-x"]), (1, Misfit::Literal));
    assert_eq!(
        refusal(&["psql", "-c", "DROP"]).to_string(),
        "no tool of this page allows this command; the nearest is `psql -c {regex: \"^SELECT\"} ;`, where argument 2 \
         does not fit the pattern, which must match from the start"
    );
}
