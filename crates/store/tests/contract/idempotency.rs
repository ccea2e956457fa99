//! `Idempotency-Key`.

use toolfront_store::{IdempotencyKey, TokenRefusal};
use toolfront_token::{NewValue, Scope, Timestamp, TokenId, TokenRecord};

use crate::world::{
    Backend, World, administrator, at, by, grant, grant_until, key, new_token, rotation, secret, selector,
    token_id, value,
};

const DAY: i64 = 24 * 60 * 60;

async fn issue<B: Backend>(
    world: &World<B>,
    actor: &TokenRecord,
    key: Option<IdempotencyKey>,
    now: Timestamp,
) -> Result<TokenRecord, TokenRefusal> {
    let new = new_token(grant(Scope::Read));
    world.store.issue_token(administrator(actor), token_id(), new, value(), key, by(actor), now).await
}

fn repeated(refused: Result<TokenRecord, TokenRefusal>) -> TokenId {
    match refused {
        Err(TokenRefusal::Repeated(id)) => id,
        other => panic!("not a repeat: {other:?}"),
    }
}

pub(crate) async fn a_repeat_is_told_what_the_first_call_made<B: Backend>() {
    let world = World::<B>::set_up().await;
    let made = issue(&world, &world.admin, Some(key("k")), at(1)).await.unwrap();
    assert_eq!(repeated(issue(&world, &world.admin, Some(key("k")), at(2)).await), made.id());
    let world = world.reopen();
    assert_eq!(repeated(issue(&world, &world.admin, Some(key("k")), at(3)).await), made.id());
    assert_ne!(issue(&world, &world.admin, Some(key("other")), at(3)).await.unwrap().id(), made.id());
    assert_eq!(world.memory.tokens(), 3);
}

pub(crate) async fn a_repeated_rotation_makes_no_second_value<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Read), at(1)).await;
    let rotate = |record: &TokenRecord| {
        let (authority, by) = (administrator(&world.admin), by(&world.admin));
        let (selector, request) = (selector(record), rotation(record));
        world.store.rotate_token(authority, selector, request, value(), Some(key("r")), by, at(2))
    };
    let rotated = rotate(&issued).await.unwrap();
    // A client that has read the record anew asks for its newest generation: it is a repeat all the same.
    assert_eq!(repeated(rotate(&rotated).await), issued.id());
    assert_eq!(repeated(rotate(&issued).await), issued.id());
    assert_eq!(world.memory.token(issued.id()), Some(rotated));
}

pub(crate) async fn of_many_repeats_at_once_one_makes_a_token<B: Backend>() {
    let world = World::<B>::set_up().await;
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (store, authority, by) = (world.store.clone(), administrator(&world.admin), by(&world.admin));
            let new = new_token(grant(Scope::Read));
            tokio::spawn(async move {
                store.issue_token(authority, token_id(), new, value(), Some(key("k")), by, at(1)).await
            })
        })
        .collect();
    let (mut made, mut repeats) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            Ok(record) => made.push(record.id()),
            refused => repeats.push(repeated(refused)),
        }
    }
    assert_eq!((made.len(), repeats.len()), (1, 31));
    assert!(repeats.iter().all(|id| *id == made[0]));
    assert_eq!(world.memory.tokens(), 2);
}

pub(crate) async fn a_key_is_forgotten_after_24_hours<B: Backend>() {
    let world = World::<B>::set_up().await;
    let made = issue(&world, &world.admin, Some(key("k")), at(1)).await.unwrap();
    assert_eq!(repeated(issue(&world, &world.admin, Some(key("k")), at(DAY)).await), made.id());
    let again = issue(&world, &world.admin, Some(key("k")), at(1 + DAY)).await.unwrap();
    assert_ne!(again.id(), made.id());
    assert_eq!(repeated(issue(&world, &world.admin, Some(key("k")), at(2 + DAY)).await), again.id());
}

pub(crate) async fn a_key_of_a_call_that_was_refused_is_free<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (authority, by) = (administrator(&world.admin), by(&world.admin));
    let dead = new_token(grant_until(Scope::Read, at(0)));
    let refused =
        world.store.issue_token(authority, token_id(), dead, value(), Some(key("k")), by, at(1)).await;
    assert!(matches!(refused, Err(TokenRefusal::Issue(_))), "{refused:?}");
    issue(&world, &world.admin, Some(key("k")), at(2)).await.unwrap();
}

pub(crate) async fn a_key_belongs_to_its_caller<B: Backend>() {
    let world = World::<B>::set_up().await;
    let other = world.issue(grant(Scope::Admin), at(1)).await;
    let made = issue(&world, &world.admin, Some(key("k")), at(1)).await.unwrap();
    let theirs = issue(&world, &other, Some(key("k")), at(2)).await.unwrap();
    assert_ne!(theirs.id(), made.id());
}

pub(crate) async fn no_value_is_stored<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (first, second) = (secret(), secret());
    let (authority, by) = (administrator(&world.admin), by(&world.admin));
    let (id, new) = (token_id(), new_token(grant(Scope::Read)));
    let (a, b) = (NewValue::of(&first), NewValue::of(&second));
    let issued = world
        .store
        .issue_token(authority.clone(), id, new, a, Some(key("create")), by.clone(), at(1))
        .await
        .unwrap();
    let (selector, request) = (selector(&issued), rotation(&issued));
    world.store.rotate_token(authority, selector, request, b, Some(key("rotate")), by, at(2)).await.unwrap();

    let contains = |files: &[Vec<u8>], text: &[u8]| {
        files.iter().any(|file| file.windows(text.len()).any(|window| window == text))
    };
    let world = world.reopen();
    let files = world.backend.everything();
    assert!(contains(&files, issued.parts().newest.digest.as_bytes()), "what is stored can be searched");
    for secret in [first.reveal(), second.reveal()] {
        for piece in [&secret[..20], &secret[3..23], &secret[20..]] {
            assert!(!contains(&files, piece.as_bytes()));
        }
    }
}
