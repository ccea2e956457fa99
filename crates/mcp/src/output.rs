//! What a command printed, as a model reads it and as a program does.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::json;
use toolfront_api::RunReply;

/// The result of a command that ran, also when it failed: its exit code is part of the answer.
pub(crate) fn result(reply: &RunReply) -> CallToolResult {
    let mut result = CallToolResult::structured(json!({
        "stdout": reply.stdout,
        "stderr": reply.stderr,
        "returncode": reply.returncode,
        "duration_ms": reply.duration_ms,
        "truncated": reply.truncated,
        "timed_out": reply.timed_out,
        "ignored_env": reply.ignored_env,
    }));
    result.content = vec![ContentBlock::text(text(reply))];
    result
}

fn text(reply: &RunReply) -> String {
    let mut text = reply.stdout.clone();
    let mut note = |note: &str| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(note);
    };
    if !reply.stderr.is_empty() {
        note("[stderr]\n");
        note(&reply.stderr);
    }
    if reply.truncated {
        note("[output beyond the limit was dropped]\n");
    }
    if reply.timed_out {
        note("[ended: its time was over]\n");
    }
    if !reply.ignored_env.is_empty() {
        note(&format!(
            "[not used, since the page does not mention them: {}]\n",
            reply.ignored_env.join(", ")
        ));
    }
    note(&format!("[exit code {}]", reply.returncode));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_happened_is_in_the_text() {
        let mut reply = RunReply {
            stdout: "out".to_owned(),
            stderr: "err\n".to_owned(),
            returncode: 3,
            duration_ms: 7,
            truncated: true,
            timed_out: false,
            request_id: "req-1".to_owned(),
            ignored_env: vec!["X".to_owned()],
            encoding: None,
        };
        assert_eq!(
            text(&reply),
            "out\n[stderr]\nerr\n[output beyond the limit was dropped]\n\
             [not used, since the page does not mention them: X]\n[exit code 3]"
        );
        reply.stdout.clear();
        reply.stderr.clear();
        (reply.truncated, reply.timed_out) = (false, true);
        reply.ignored_env.clear();
        assert_eq!(text(&reply), "[ended: its time was over]\n[exit code 3]");
    }
}
