use super::*;
use proptest::prelude::*;

struct Fixed(u64);

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.0.to_be_bytes()[0];
        }
        Ok(())
    }
}

fn value(seed: u64) -> String {
    TokenSecret::mint(&mut Fixed(seed)).unwrap().reveal().to_owned()
}

#[test]
fn the_checksum_is_crc32_in_base62() {
    // CRC-32("123456789") = 0xCBF43926 = 3421780262, the check value of the CRC catalogue.
    assert_eq!(crc32fast::hash(b"123456789"), 3_421_780_262);
    assert_eq!(&checksum_of(b"123456789"), b"3jZRME");
    assert_eq!(&checksum_of(b""), b"000000");
}

#[test]
fn debug_output_shows_no_part_of_a_value() {
    let text = value(7);
    let secret = TokenSecret::parse(&text).unwrap();
    let shown = format!("{secret:?} {:?}", PresentedToken::parse(&text).unwrap());
    assert_eq!(shown, "TokenSecret(tf_…) PresentedToken(tf_…)");
    let refusal = format!("{0} {0:?}", TokenSecret::parse(&text[..40]).unwrap_err());
    assert!(!refusal.contains(&text[3..9]), "{refusal}");
}

#[test]
fn each_fault_of_a_value_is_named() {
    let text = value(1);
    assert_eq!(TokenSecret::parse("").unwrap_err(), MalformedToken::Prefix);
    assert_eq!(TokenSecret::parse(&text[3..]).unwrap_err(), MalformedToken::Prefix);
    assert_eq!(TokenSecret::parse(&text[..42]).unwrap_err(), MalformedToken::Length { found: 42 });
    let spaced = format!("{} {}", &text[..20], &text[21..]);
    assert_eq!(TokenSecret::parse(&spaced).unwrap_err(), MalformedToken::Alphabet);
}

#[test]
fn the_neighbours_of_letters_and_digits_are_refused_at_every_place() {
    let text = value(1);
    for place in 3..text.len() {
        for wrong in ["/", ":", "@", "[", "`", "{", "\u{0}", "\u{7f}"] {
            let changed = format!("{}{wrong}{}", &text[..place], &text[place + 1..]);
            assert_eq!(TokenSecret::parse(&changed).unwrap_err(), MalformedToken::Alphabet, "{changed:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_minted_value_has_the_published_form(seed: u64) {
        let text = value(seed);
        prop_assert_eq!(text.len(), 43);
        prop_assert!(text.starts_with("tf_"));
        prop_assert!(text[3..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let parsed = TokenSecret::parse(&text).unwrap();
        prop_assert_eq!(parsed.reveal(), text.as_str());
        let hint = parsed.hint();
        prop_assert_eq!(hint.as_str(), &text[39..]);
    }

    #[test]
    fn any_single_character_edit_is_refused_before_a_look_up(seed: u64, place in 0_usize..43, with in "[ -~]") {
        let text = value(seed);
        let edited = format!("{}{with}{}", &text[..place], &text[place + 1..]);
        prop_assert_eq!(PresentedToken::parse(&edited).is_ok(), edited == text);
    }

    #[test]
    fn a_dropped_doubled_or_swapped_character_is_refused(seed: u64, place in 0_usize..42) {
        let text = value(seed);
        let dropped = format!("{}{}", &text[..place], &text[place + 1..]);
        prop_assert!(PresentedToken::parse(&dropped).is_err());
        let doubled = format!("{}{}", &text[..=place], &text[place..]);
        prop_assert!(PresentedToken::parse(&doubled).is_err());
        let mut swapped: Vec<u8> = text.clone().into_bytes();
        swapped.swap(place, place + 1);
        let swapped = String::from_utf8(swapped).unwrap();
        prop_assert_eq!(PresentedToken::parse(&swapped).is_ok(), swapped == text);
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "(tf_)?.*") {
        let _ = PresentedToken::parse(&text);
    }
}
