//! Calls at the same time.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Issued, TestGateway};

/// The one that won; the others are conflicts.
#[track_caller]
fn winner(answers: &[Answer]) -> &Answer {
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.assert_problem(409, "conflict");
        assert!(!answer.text().contains("tf_"), "{}", answer.text());
    }
    won[0]
}

#[tokio::test]
async fn pitfall_13_of_many_rotations_of_one_generation_exactly_one_wins() {
    let gateway = TestGateway::start().await;
    let other = gateway.token().scope("admin").issue().await;
    let mut token = gateway.token().issue().await;
    for generation in 1..=4_u32 {
        let body = json!({ "generation": generation });
        let calls = (0..24).map(|number| {
            let by = if number % 2 == 0 { &gateway.admin } else { &other };
            gateway.rotate(by, &token, &body)
        });
        let answers = join_all(calls).await;
        let new = Issued::in_answer(winner(&answers));
        let record = gateway.record(&token).await;
        assert_eq!(record["generation"], generation + 1);
        assert_eq!(record["hint"], new.value[39..]);
        assert!(gateway.is_alive(&new.value).await && !gateway.is_alive(&token.value).await);
        token = new;
    }
}

#[tokio::test]
async fn pitfall_13_of_many_rotations_by_itself_of_one_generation_exactly_one_wins() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().scope("read").issue().await;
    let calls = (0..24).map(|_| {
        let call = gateway.call("POST", "/api/v1/tokens/self/rotate").token(&token.value);
        call.json(&json!({ "generation": 1 })).send()
    });
    let answers = join_all(calls).await;
    let new = Issued::in_answer(winner(&answers));
    assert!(gateway.is_alive(&new.value).await);
}

#[tokio::test]
async fn rotations_that_name_no_generation_leave_one_value_alive() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let body = json!({});
    let answers = join_all((0..24).map(|_| gateway.rotate(&gateway.admin, &token, &body))).await;
    let mut alive = 0;
    for answer in &answers {
        if answer.status == 200 {
            alive += u32::from(gateway.is_alive(&Issued::in_answer(answer).value).await);
        } else {
            answer.assert_problem(409, "conflict");
        }
    }
    assert_eq!(alive, 1);
    let rotations = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(gateway.record(&token).await["generation"], rotations + 1);
}

#[tokio::test]
async fn another_generation_than_the_current_one_is_refused() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().issue().await;
    let before = gateway.world().await;
    for generation in [0_u32, 2, 7, u32::MAX] {
        let answer = gateway.rotate(&gateway.admin, &token, &json!({ "generation": generation })).await;
        answer.assert_problem(409, "conflict");
    }
    for generation in [json!(-1), json!(4_294_967_296_u64), json!("1")] {
        let answer = gateway.rotate(&gateway.admin, &token, &json!({ "generation": generation })).await;
        answer.assert_problem(422, "invalid");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn of_a_revocation_and_rotations_at_once_nothing_stays_alive() {
    let gateway = TestGateway::start().await;
    for _ in 0..5 {
        let token = gateway.token().issue().await;
        let body = json!({ "grace_seconds": 60 });
        let rotations = join_all((0..8).map(|_| gateway.rotate(&gateway.admin, &token, &body)));
        let path = format!("/api/v1/tokens/{}", token.id);
        let (answers, revoked) = tokio::join!(rotations, gateway.as_admin("DELETE", &path).send());
        assert_eq!(revoked.data()["status"], "revoked");
        assert!(!gateway.is_alive(&token.value).await);
        for answer in &answers {
            if answer.status == 200 {
                assert!(!gateway.is_alive(&Issued::in_answer(answer).value).await);
            } else {
                answer.assert_problem(409, "conflict");
            }
        }
    }
}

#[tokio::test]
async fn what_a_token_makes_while_it_is_revoked_is_made_before_or_not_at_all() {
    let gateway = TestGateway::start().await;
    let boss = gateway.token().scope("admin").issue().await;
    let body = json!({ "name": "late", "scope": "read" });
    let creations = join_all((0..12).map(|_| gateway.create(&boss, &body)));
    let path = format!("/api/v1/tokens/{}", boss.id);
    let (answers, revoked) = tokio::join!(creations, gateway.as_admin("DELETE", &path).send());
    revoked.data();
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert!(matches!(answer.status, 401 | 404), "{}", answer.text());
    }
    let world = gateway.world().await;
    let late = world["tokens"].as_array().unwrap().iter().filter(|record| record["name"] == "late");
    assert_eq!(late.count(), made);
    assert!(matches!(gateway.create(&boss, &body).await.status, 401));
}
