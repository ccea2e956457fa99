//! Values that somebody still holds after their end.

use std::time::Duration;

use super::outcomes;
use crate::support::TestGateway;

#[tokio::test]
async fn a_value_that_has_been_dead_for_more_than_a_minute_is_told_as_reused() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let token = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", token.id)).send().await.data();
    for (wait, action) in [(60, "access.deny"), (1, "token.reuse")] {
        gateway.advance(Duration::from_secs(wait));
        let answer = gateway.get("/e/docs").token(&token.value).send().await;
        answer.assert_problem(401, "invalid-token");
        let told = gateway.told_of(&answer).await;
        assert_eq!(outcomes(&told), [(action, "revoked")]);
        assert_eq!(told[0]["token_id"], token.id);
    }
    let found = gateway.audit(&gateway.admin, "?action=token.reuse").await.data();
    assert_eq!(found[0]["subject_id"], token.id);
}
