use toolfront_token::{Entropy, EntropyFailed};

use super::*;

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        bytes.fill(self.0);
        Ok(())
    }
}

fn secret(number: u8) -> TokenSecret {
    TokenSecret::mint(&mut Fixed(number)).unwrap()
}

fn token() -> Token {
    Token::new(TokenId::from_bits(1).unwrap(), "t".to_owned(), true, secret(1))
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_rotation_without_grace_ends_the_value_once_it_is_acknowledged() {
    let (mut token, now) = (token(), Instant::now());
    assert_eq!(token.verdict(1, now), Verdict::Alive);
    token.begin(TokenChange::Rotate { grace: Duration::ZERO });
    assert_eq!(token.verdict(1, now), Verdict::Unsure);
    token.done(Some(secret(2)));
    assert_eq!((token.verdict(1, now), token.verdict(2, now)), (Verdict::Rotated, Verdict::Alive));
}

#[test]
fn a_grace_begins_with_the_first_use_of_the_new_value() {
    let (mut token, now) = (token(), Instant::now());
    token.begin(TokenChange::Rotate { grace: Duration::from_secs(1) });
    token.done(Some(secret(2)));
    assert_eq!(token.verdict(1, now + HOUR), Verdict::Alive);
    token.use_sent(2, now);
    assert_eq!(token.verdict(1, now), Verdict::Alive);
    assert_eq!(token.verdict(1, now + HOUR), Verdict::Unsure);
    token.use_acknowledged(2, now);
    assert_eq!(token.verdict(1, now + HOUR), Verdict::Rotated);
}

#[test]
fn a_new_value_that_was_not_used_is_cancelled_by_the_next_rotation() {
    for (sent, acknowledged, expected) in
        [(false, false, Verdict::Rotated), (true, false, Verdict::Unsure), (true, true, Verdict::Alive)]
    {
        let (mut token, now) = (token(), Instant::now());
        token.begin(TokenChange::Rotate { grace: HOUR });
        token.done(Some(secret(2)));
        if sent {
            token.use_sent(2, now);
        }
        if acknowledged {
            token.use_acknowledged(2, now);
        }
        token.begin(TokenChange::Rotate { grace: HOUR });
        token.done(Some(secret(3)));
        assert_eq!(token.verdict(2, now), expected);
        assert_eq!(token.verdict(1, now), Verdict::Alive);
    }
}

#[test]
fn a_rotation_whose_answer_was_lost_counts_and_shows_no_value() {
    let (mut token, now) = (token(), Instant::now());
    token.begin(TokenChange::Rotate { grace: HOUR });
    token.done(None);
    assert_eq!(token.generation(), 2);
    assert_eq!((token.verdict(1, now), token.verdict(2, now)), (Verdict::Alive, Verdict::Unsure));
}

#[test]
fn a_revocation_beats_everything() {
    let (mut token, now) = (token(), Instant::now());
    token.begin(TokenChange::Revoke { reason: "lost".to_owned() });
    token.done(None);
    assert_eq!((token.verdict(1, now), token.revocation()), (Verdict::Revoked, Some("lost")));
}
