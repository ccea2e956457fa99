use super::*;
use proptest::prelude::*;

fn env(bits: u64) -> EnvId {
    EnvId::from_bits(bits).unwrap()
}

fn any_grant() -> impl Strategy<Value = EnvGrant> {
    prop_oneof![
        Just(EnvGrant::All),
        prop::collection::vec(0_u64..6, 0..4)
            .prop_map(|ids| EnvGrant::Only(EnvSet::new(ids.into_iter().map(env)))),
    ]
}

proptest! {
    #[test]
    fn what_is_met_is_within_both(a in any_grant(), b in any_grant()) {
        let both = a.meet(&b);
        prop_assert!(both.is_within(&a) && both.is_within(&b));
        for id in (0..6).map(env) {
            prop_assert_eq!(both.contains(id), a.contains(id) && b.contains(id));
        }
    }

    #[test]
    fn pitfall_10_within_means_contained_in(a in any_grant(), b in any_grant()) {
        // Environments to come have ids that no set names: 6 stands for them.
        let contained = (0..=6).map(env).all(|id| !a.contains(id) || b.contains(id));
        prop_assert_eq!(a.is_within(&b), contained);
    }

    #[test]
    fn no_text_makes_an_expiry_panic(text in ".*") {
        let _ = Expiry::parse(&text);
    }
}

#[test]
fn pitfall_01_a_set_whose_environments_are_gone_grants_nothing() {
    let set = EnvGrant::only([env(1)]).unwrap();
    assert!(!set.contains(env(2)));
    let nothing = set.meet(&EnvGrant::only([env(2)]).unwrap());
    assert_ne!(nothing, EnvGrant::All);
    assert!(!(0..100).map(env).any(|id| nothing.contains(id)));
}

#[test]
fn pitfall_02_an_empty_list_is_refused() {
    assert_eq!(EnvGrant::only([]), Err(EmptyGrant));
}

#[test]
fn times_are_read_with_an_offset_without_one_and_as_a_day() {
    let at = |text: &str| Expiry::parse(text).unwrap().at().unwrap().to_string();
    assert_eq!(at("2030-01-31T12:00:00Z"), "2030-01-31T12:00:00Z");
    assert_eq!(at("2030-01-31T12:00:00+02:00"), "2030-01-31T10:00:00Z");
    assert_eq!(at("2030-01-31T12:00:00.250"), "2030-01-31T12:00:00.25Z");
    assert_eq!(at("2030-01-31 12:00"), "2030-01-31T12:00:00Z");
    assert_eq!(at("2030-01-31"), "2030-02-01T00:00:00Z");
    for text in
        ["", "never", "30d", "2030-13-01", "2030-02-30", "1893456000", "tomorrow", "2030-01-31T25:00:00Z"]
    {
        assert_eq!(Expiry::parse(text), Err(InvalidExpiry), "{text:?}");
    }
}

#[test]
fn pitfall_20_the_instant_itself_is_already_too_late() {
    let end = Timestamp::from_micros(1_000_000);
    assert!(Expiry::At(end).is_live(Timestamp::from_micros(999_999)));
    assert!(!Expiry::At(end).is_live(end));
    assert!(!Expiry::At(Timestamp::from_micros(0)).is_live(Timestamp::from_micros(0)));
}
