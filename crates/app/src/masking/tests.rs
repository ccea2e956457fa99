use super::*;
use proptest::prelude::*;

fn mask(values: &[&str]) -> Mask {
    Mask::new(values.iter().map(|value| value.as_bytes()))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// What masking is, said as plainly as can be.
fn plainly(values: &[String], given: &str, is_cut: bool) -> String {
    let mut covered = vec![false; given.len()];
    for value in values {
        for place in (0..given.len()).filter(|place| given[*place..].starts_with(value)) {
            covered[place..place + value.len()].fill(true);
        }
    }
    let begins_a_value = |place: &usize| {
        let rest = &given[*place..];
        values.iter().any(|value| value.len() > rest.len() && value.starts_with(rest))
    };
    let cut = (0..given.len()).find(|place| is_cut && begins_a_value(place)).unwrap_or(given.len());
    let mut shown = String::new();
    for (place, letter) in given[..cut].char_indices() {
        if !covered[place] {
            shown.push(letter);
        } else if place == 0 || !covered[place - 1] {
            shown.push_str("***");
        }
    }
    let continues = cut > 0 && covered[cut - 1];
    shown + if cut == given.len() || continues { "" } else { &"***"[..(given.len() - cut).min(3)] }
}

/// The same, in pieces with these edges.
fn in_pieces(mask: &Mask, given: &[u8], edges: &[usize], is_cut: bool) -> Vec<u8> {
    let mut edges: Vec<usize> = edges.iter().map(|edge| *edge.min(&given.len())).collect();
    edges.sort_unstable();
    let (mut stream, mut pieces, mut from) = (mask.stream(), Vec::new(), 0);
    for edge in edges.into_iter().chain([given.len()]) {
        pieces.extend(stream.push(&given[from..edge]));
        from = edge;
    }
    pieces.extend(stream.finish(is_cut));
    pieces
}

#[test]
fn a_value_is_masked_wherever_it_stands() {
    let mask = mask(&["hunter2", "s3cr3t", ""]);
    let masked = |given: &str| text(mask.apply(given.into(), false));
    assert_eq!(masked("a hunter2 b s3cr3t"), "a *** b ***");
    assert_eq!(masked("hunter2hunter2!"), "***!");
    assert_eq!(masked("hunter1 hunter"), "hunter1 hunter");
    assert_eq!(masked("hunhunter2ter2"), "hun***ter2");
    assert_eq!(masked(""), "");
    assert_eq!(mask.text("é hunter2 é"), "é *** é");
}

#[test]
fn values_that_overlap_leave_nothing_of_each_other() {
    assert_eq!(text(mask(&["abcd", "cdef"]).apply("xabcdefx".into(), false)), "x***x");
    assert_eq!(text(mask(&["ab", "abcdef"]).apply("abcdef abcde".into(), false)), "*** ***cde");
    assert_eq!(text(mask(&["aa"]).apply("aaaaab".into(), false)), "***b");
    assert_eq!(text(mask(&["bcde", "abcdef"]).apply("xabcdefx".into(), false)), "x***x");
}

#[test]
fn the_beginning_of_a_value_at_a_cut_is_masked_and_takes_no_more_room() {
    let masked = |given: &str, is_cut| text(mask(&["hunter2"]).apply(given.into(), is_cut));
    assert_eq!(masked("say hunt", true), "say ***");
    assert_eq!(masked("say hunt", false), "say hunt");
    assert_eq!(masked("say hu", true), "say **");
    assert_eq!(masked("say h", true), "say *");
    assert_eq!(masked("say hunter2", true), "say ***");
    assert_eq!(masked("say hunter2h", true), "say ***");
    assert_eq!(masked("say nothing", true), "say nothing");
}

#[test]
fn what_is_known_to_be_no_value_is_let_go_at_once() {
    let mask = mask(&["hunter2"]);
    let mut stream = mask.stream();
    assert_eq!(text(stream.push(b"say ")), "say ");
    assert_eq!(text(stream.push(b"hunt")), "");
    assert_eq!(text(stream.push(b"ing hun")), "hunting ");
    assert_eq!(text(stream.push(b"ter2, ")), "***, ");
    assert_eq!(text(stream.finish(false)), "");
}

#[test]
fn a_text_made_to_take_long_takes_a_step_for_each_byte() {
    let value = format!("{}b", "a".repeat(64 * 1024));
    let given = "a".repeat(1 << 20);
    let mask = mask(&[&value]);
    assert_eq!(mask.apply(given.clone().into_bytes(), false), given.as_bytes());
    assert_eq!(mask.apply(given.into_bytes(), true).len(), (1 << 20) - 64 * 1024 + 3);
}

#[test]
fn nothing_is_masked_without_a_value() {
    assert!(mask(&[]).is_empty() && mask(&[""]).is_empty());
    let mut stream = Mask::default();
    assert_eq!(stream.apply(b"hunter2".to_vec(), true), b"hunter2");
    stream = mask(&[]);
    let mut stream = stream.stream();
    assert_eq!(text(stream.push(b"hunter2")), "hunter2");
    assert_eq!(text(stream.finish(true)), "");
}

#[test]
fn debug_output_shows_no_value() {
    let mask = mask(&["hunter2"]);
    assert_eq!(format!("{mask:?}"), "Mask(1 values)");
    let mut stream = mask.stream();
    stream.push(b"hunter");
    assert_eq!(format!("{stream:?}"), "MaskedStream(…)");
}

proptest! {
    #[test]
    fn no_edge_of_a_buffer_lets_a_value_through(
        values in prop::collection::vec("[ab]{1,5}", 1..4),
        given in "[abc]{0,40}",
        edges in prop::collection::vec(0_usize..40, 0..6),
        is_cut: bool,
    ) {
        let mask = mask(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let whole = mask.apply(given.clone().into_bytes(), is_cut);
        prop_assert_eq!(text(whole.clone()), plainly(&values, &given, is_cut));
        prop_assert_eq!(&in_pieces(&mask, given.as_bytes(), &edges, is_cut), &whole);
        let shown = text(whole);
        for value in values {
            prop_assert!(!shown.contains(&value), "{} in {}", value, shown);
        }
    }

    #[test]
    fn what_is_masked_is_no_longer_than_it_was(
        values in prop::collection::vec("[ab]{4,6}", 1..3),
        given in "[ab]{0,30}",
        is_cut: bool,
    ) {
        let mask = mask(&values.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(mask.apply(given.clone().into_bytes(), is_cut).len() <= given.len());
    }

    #[test]
    fn what_has_no_value_in_it_comes_through_as_it_is(
        given in prop::collection::vec(any::<u8>(), 0..200),
        edges in prop::collection::vec(0_usize..200, 0..6),
    ) {
        let mask = mask(&["a value that is not in there by chance"]);
        prop_assert_eq!(&mask.apply(given.clone(), false), &given);
        prop_assert_eq!(in_pieces(&mask, &given, &edges, false), given);
    }
}
