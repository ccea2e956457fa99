//! Properties that hold for any input: nothing panics, what was admitted is what runs, no path leads out of its tree.

#![cfg(test)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use toolfront_app::{
    BlobDigest, CommandLine, ExpansionFault, FilePath, FileTree, Kind, Manifest, ManifestLimits, Page,
    RawEntry, RequestPath, VariableName, resolve,
};

/// An element of a generated tool.
#[derive(Clone, Debug)]
enum Slot {
    Literal(String),
    Any,
    Pattern(&'static str, fn(&str) -> bool),
}

/// Text with dollars, names and flags in it, as YAML can quote it.
fn text() -> impl Strategy<Value = String> {
    "(\\$|\\$\\$|A|B|AB|_|1|-|x|é| |\\{|\\}){0,6}"
}

fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![
        4 => text().prop_map(Slot::Literal),
        2 => Just(Slot::Any),
        1 => Just(Slot::Pattern("(A|B)", |argument| argument.starts_with(['A', 'B']))),
        1 => Just(Slot::Pattern("^-?x$", |argument| matches!(argument, "x" | "-x"))),
        1 => Just(Slot::Pattern("(?m)^A$", |argument| argument == "A" || argument.starts_with("A\n"))),
    ]
}

#[derive(Clone, Debug)]
struct Spec {
    slots: Vec<Slot>,
    closed: bool,
}

impl Spec {
    fn yaml(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let mut elements = vec!["run".to_owned()];
        elements.extend(self.slots.iter().map(|slot| match slot {
            Slot::Literal(text) => quoted(text),
            Slot::Any => "{ }".to_owned(),
            Slot::Pattern(source, _) => format!("{{regex: {}}}", quoted(source)),
        }));
        elements.extend(self.closed.then(|| ";".to_owned()));
        format!("  - [{}]\n", elements.join(", "))
    }

    /// The rules of matching, said as plainly as can be.
    fn allows(&self, arguments: &[String]) -> bool {
        let (program, rest) = arguments.split_first().unwrap();
        program == "run"
            && rest.len() >= self.slots.len()
            && (!self.closed || rest.len() == self.slots.len())
            && self.slots.iter().zip(rest).all(|(slot, argument)| match slot {
                Slot::Literal(text) => text == argument,
                Slot::Any => !(self.closed && argument.starts_with('-')),
                Slot::Pattern(_, fits) => fits(argument),
            })
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    (prop::collection::vec(slot(), 0..4), any::<bool>()).prop_map(|(slots, closed)| Spec { slots, closed })
}

fn page_of(specs: &[Spec]) -> Page {
    let tools: String = specs.iter().map(Spec::yaml).collect();
    Page::parse(&FilePath::parse("a.md").unwrap(), &format!("---\ntools:\n{tools}---\n")).unwrap()
}

/// Arguments that have a chance to fit.
fn arguments_near(specs: Vec<Spec>) -> impl Strategy<Value = (Vec<Spec>, Vec<String>)> {
    let argument = |slot: Slot| match slot {
        Slot::Literal(literal) => prop_oneof![4 => Just(literal), 1 => text()].boxed(),
        Slot::Any => text().boxed(),
        Slot::Pattern(..) => {
            prop_oneof![Just("A".to_owned()), Just("-x".to_owned()), Just("x\nA".to_owned()), text()].boxed()
        }
    };
    let choices: Vec<BoxedStrategy<Vec<String>>> = specs
        .iter()
        .map(|spec| {
            let fitting: Vec<_> = spec.slots.iter().cloned().map(argument).collect();
            (fitting, prop::collection::vec(text(), 0..2))
                .prop_map(|(fitting, extra)| [fitting, extra].concat())
                .boxed()
        })
        .collect();
    (Just(specs), prop::strategy::Union::new(choices)).prop_map(|(specs, rest)| {
        let arguments = std::iter::once("run".to_owned()).chain(rest).collect();
        (specs, arguments)
    })
}

fn specs_and_arguments() -> impl Strategy<Value = (Vec<Spec>, Vec<String>)> {
    prop::collection::vec(spec(), 1..4).prop_flat_map(arguments_near)
}

fn value_of(name: &VariableName) -> Option<&'static str> {
    match name.as_str() {
        "A" => Some("$B$$"),
        "B" => Some("$A"),
        "AB" => Some("both"),
        _ => None,
    }
}

/// One pass over a literal, one character at a time; `None` when a variable has no value.
fn expanded(literal: &str) -> Option<String> {
    let characters: Vec<char> = literal.chars().collect();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut at = 0;
    while at < characters.len() {
        if characters[at] != '$' {
            out.push(characters[at]);
            at += 1;
        } else if characters.get(at + 1) == Some(&'$') {
            out.push('$');
            at += 2;
        } else {
            let name: String = characters[at + 1..].iter().take_while(|c| is_name(**c)).collect();
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                out.push('$');
                at += 1;
            } else {
                at += 1 + name.len();
                out.push_str(value_of(&VariableName::parse(&name).unwrap())?);
            }
        }
    }
    Some(out)
}

/// Pages that are almost right.
fn page_source() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("---\n"),
        Just("+++\n"),
        Just("tools:"),
        Just("tools ="),
        Just("\n"),
        Just("\r\n"),
        Just("  - "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just("{ }"),
        Just(", "),
        Just(";"),
        Just("regex: "),
        Just("regex = "),
        Just("\""),
        Just("'"),
        Just("\\."),
        Just("$A"),
        Just("&a "),
        Just("*a"),
        Just("!t "),
        Just("|\n"),
        Just("ls"),
        Just("é"),
        Just("command: "),
        Just("env: "),
        Just("null"),
        Just("5"),
        Just("# "),
        Just("\u{feff}"),
        Just("? "),
        Just("<<: "),
    ];
    let tokens = prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat());
    (prop_oneof![Just("---\n"), Just("+++\n"), Just("")], tokens, any::<bool>()).prop_map(
        |(open, tokens, close)| {
            let end = if close { format!("\n{open}") } else { String::new() };
            format!("{open}{tokens}{end}")
        },
    )
}

fn manifest_of(paths: &BTreeSet<String>) -> Option<Manifest> {
    let entries = paths
        .iter()
        .map(String::as_str)
        .chain(["README.md"])
        .map(|path| RawEntry {
            path: path.to_owned(),
            checksum: BlobDigest::of(path.as_bytes()).to_string(),
            size: 1,
            mode: None,
        })
        .collect();
    Manifest::parse(entries, &ManifestLimits::default()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matching_agrees_with_the_rules_said_plainly((specs, arguments) in specs_and_arguments()) {
        let page = page_of(&specs);
        let command = CommandLine::parse(arguments.clone()).unwrap();
        let expected = specs.iter().position(|spec| spec.allows(&arguments));
        let found = page.admit(&command).ok().map(|admitted| admitted.tool().position().line);
        prop_assert_eq!(found, expected.map(|index| u32::try_from(index).unwrap() + 3));
    }

    #[test]
    fn what_was_admitted_is_what_runs((specs, arguments) in specs_and_arguments()) {
        let page = page_of(&specs);
        let command = CommandLine::parse(arguments.clone()).unwrap();
        let Ok(admitted) = page.admit(&command) else { return Ok(()) };
        let spec = specs.iter().find(|spec| spec.allows(&arguments)).unwrap();
        let expected: Option<Vec<String>> = arguments.iter().enumerate().map(|(index, argument)| {
            match index.checked_sub(1).and_then(|index| spec.slots.get(index)) {
                Some(Slot::Literal(_)) => expanded(argument),
                _ => Some(argument.clone()),
            }
        }).collect();
        match (admitted.expand(&value_of), expected) {
            (Ok(allowed), Some(argv)) => {
                prop_assert_eq!(allowed.argv(), argv.as_slice());
                prop_assert_eq!(allowed.masked_argv(), arguments.as_slice());
            }
            (Err(ExpansionFault::UnsetVariable { name }), None) => prop_assert!(value_of(&name).is_none()),
            (found, expected) => prop_assert!(false, "{:?} {:?}", found, expected),
        }
    }

    #[test]
    fn no_page_makes_the_parser_panic_and_every_error_has_its_place(source in prop_oneof![page_source(), any::<String>()]) {
        let file = FilePath::parse("a.md").unwrap();
        if let Err(faults) = Page::parse(&file, &source) {
            let lines = u32::try_from(source.split('\n').count()).unwrap();
            prop_assert!(!faults.is_empty());
            for fault in faults {
                let position = fault.position.unwrap();
                prop_assert!(position.line >= 1 && position.line <= lines && position.column >= 1, "{}", fault);
            }
        }
    }

    #[test]
    fn a_path_that_parses_is_normalized(text in "(a|b|\\.|/|\\\\|%|é|\u{0}|\n| ){0,12}") {
        if let Ok(path) = FilePath::parse(&text) {
            prop_assert_eq!(path.as_str(), text.as_str());
            prop_assert!(path.as_str().split('/').all(|segment| !matches!(segment, "" | "." | "..")));
            prop_assert!(!path.as_str().contains(['\\', '\0']));
        }
    }

    #[test]
    fn no_request_leads_out_of_the_tree(
        raw in "(/|\\.|\\.\\.|%2e|%2E|%2f|%5c|%00|%25|%c0%ae|a|b|\\.md|%){0,12}",
        paths in prop::collection::btree_set("(a|b)(/(a|b)){0,2}(\\.md)?", 0..6),
    ) {
        let Ok(path) = RequestPath::parse(&raw) else { return Ok(()) };
        prop_assert!(path.as_str().split('/').all(|segment| !matches!(segment, "." | "..")));
        prop_assert!(!path.as_str().starts_with('/') && !path.as_str().contains(['\\', '\0']));
        let Some(manifest) = manifest_of(&paths) else { return Ok(()) };
        match resolve(&manifest, &path) {
            Ok(file) => prop_assert!(manifest.get(file.as_str()).is_some()),
            Err(not_there) => prop_assert!(not_there.near.len() <= 5
                && not_there.near.iter().all(|near| manifest.kind(near).is_some())),
        }
    }

    #[test]
    fn a_manifest_knows_its_files_and_directories(
        paths in prop::collection::btree_set("(a|b|a-b|a!)(/(a|b|A)){0,3}", 0..8),
        asked in "(a|b|a-b|a!)(/(a|b)){0,3}",
    ) {
        let clashes = paths.iter().any(|one| paths.iter().any(|other| {
            let (one_folded, other_folded) = (one.to_lowercase(), other.to_lowercase());
            one != other && (one_folded == other_folded || other_folded.starts_with(&format!("{one_folded}/")))
        }));
        let manifest = manifest_of(&paths);
        prop_assert_eq!(manifest.is_none(), clashes);
        let Some(manifest) = manifest else { return Ok(()) };
        let expected = if paths.contains(&asked) {
            Some(Kind::File)
        } else {
            paths.iter().any(|path| path.starts_with(&format!("{asked}/"))).then_some(Kind::Directory)
        };
        prop_assert_eq!(manifest.kind(&asked), expected);
        prop_assert_eq!(Manifest::decode(&manifest.encode()).unwrap(), manifest);
    }

    #[test]
    fn no_list_of_files_and_no_stored_bytes_make_the_manifest_panic(
        entries in prop::collection::vec((any::<String>(), any::<String>(), any::<u64>(), any::<Option<u32>>()), 0..6),
        bytes in any::<Vec<u8>>(),
    ) {
        let raw = entries.into_iter().map(|(path, checksum, size, mode)| RawEntry { path, checksum, size, mode }).collect();
        let limits = ManifestLimits { file_bytes_max: u64::MAX, total_bytes_max: u64::MAX, ..ManifestLimits::default() };
        prop_assert!(Manifest::parse(raw, &limits).is_err());
        prop_assert!(Manifest::decode(&bytes).is_err());
    }
}
