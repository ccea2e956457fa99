use toolfront_token::OrgId;

use super::*;

fn token(id: &str, name: &str, status: TokenStatus) -> Token {
    Token {
        id: TokenId::parse(id).unwrap(),
        organization_id: OrgId::from_bits(1).unwrap(),
        name: name.to_owned(),
        scope: "environments:read".to_owned(),
        status,
        is_active: status == TokenStatus::Active,
        hint: "abcd".to_owned(),
        generation: 1,
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        created_by: "setup".to_owned(),
        expires_at: None,
        rotated_at: None,
        last_used_at: None,
        last_used_ip: None,
        last_used_user_agent: None,
        usage_count: 0,
        allowed_environments: None,
        environments: Vec::new(),
        usage_by_generation: vec![0],
        revoked_at: None,
        revoked_by: None,
        revocation_reason: None,
    }
}

fn tokens() -> Vec<Token> {
    vec![
        token("tok-abcdefghijkl", "ci", TokenStatus::Active),
        token("tok-abcdzzzzzzzz", "ci", TokenStatus::Revoked),
        token("tok-mmmmmmmmmmmm", "twice", TokenStatus::Active),
        token("tok-nnnnnnnnnnnn", "twice", TokenStatus::Active),
        token("tok-oooooooooooo", "gone", TokenStatus::Expired),
        token("tok-pppppppppppp", "mmmm", TokenStatus::Active),
        token("tok-qqqqqqqqqqqq", "abcdefghijkl", TokenStatus::Active),
    ]
}

fn chosen(text: &str) -> Result<String, String> {
    choose(text, tokens()).map(|token| token.id.to_string()).map_err(|error| error.to_string())
}

#[test]
fn an_id_is_taken_with_its_prefix_and_without() {
    assert_eq!(chosen("oooooooooooo"), Ok("tok-oooooooooooo".to_owned()));
    assert_eq!(chosen("tok-oooooooooooo"), Ok("tok-oooooooooooo".to_owned()));
    assert_eq!(
        TokenReference::parse("tok-oooooooooooo").unwrap(),
        TokenReference::Id(TokenId::parse("oooooooooooo").unwrap())
    );
}

#[test]
fn a_whole_id_is_never_mistaken_for_the_name_of_another_token() {
    assert_eq!(chosen("abcdefghijkl"), Ok("tok-abcdefghijkl".to_owned()));
}

#[test]
fn the_beginning_of_an_id_is_enough_when_it_is_the_only_one_and_not_too_short() {
    assert_eq!(chosen("oooo"), Ok("tok-oooooooooooo".to_owned()));
    assert_eq!(chosen("tok-abcde"), Ok("tok-abcdefghijkl".to_owned()));
    assert!(chosen("ooo").is_err());
    assert!(chosen("tok-").is_err());
}

#[test]
fn among_tokens_of_one_name_the_active_one_is_meant() {
    assert_eq!(chosen("ci"), Ok("tok-abcdefghijkl".to_owned()));
    assert_eq!(chosen("gone"), Ok("tok-oooooooooooo".to_owned()));
}

#[test]
fn what_may_mean_several_tokens_is_refused_with_their_ids() {
    for (text, ids) in [
        ("twice", ["tok-mmmmmmmmmmmm", "tok-nnnnnnnnnnnn"]),
        ("abcd", ["tok-abcdefghijkl", "tok-abcdzzzzzzzz"]),
        ("mmmm", ["tok-mmmmmmmmmmmm", "tok-pppppppppppp"]),
    ] {
        let said = chosen(text).unwrap_err();
        assert!(said.starts_with(&format!("{text:?} may mean 2 tokens")), "{said}");
        assert!(ids.iter().all(|id| said.contains(id)), "{said}");
    }
}

#[test]
fn what_means_no_token_is_said_to_mean_none() {
    assert!(chosen("nothing").unwrap_err().starts_with("no token has the id or the name \"nothing\""));
    assert!(matches!(TokenReference::parse("  "), Err(LookupError::Empty)));
    assert_eq!(TokenReference::parse("self").unwrap(), TokenReference::Own);
}
