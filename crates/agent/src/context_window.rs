//! Keeping a conversation within what a model can take: the oldest results go first.

use crate::chat_model::{Message, ToolDefinition};

/// How many bytes of text a token is taken for: English has about four, code and tables fewer.
const BYTES_PER_TOKEN: usize = 3;
/// What stands in the place of a result begins with.
const DROPPED: &str = "[dropped to make room:";

/// Drops the oldest results of tools until the conversation fits, but never those that the model has not seen yet; in
/// their place stands that they were dropped. Yields how many.
pub(crate) fn fit(
    system: &str,
    tools: &[ToolDefinition],
    messages: &mut [Message],
    window_tokens: usize,
) -> usize {
    let window = window_tokens.saturating_mul(BYTES_PER_TOKEN);
    let tools: usize =
        tools.iter().map(|tool| tool.description.len() + tool.parameters.to_string().len()).sum();
    let mut size = system.len() + tools + messages.iter().map(bytes).sum::<usize>();
    let mut dropped = 0;
    let Some((_, seen)) = messages.split_last_mut() else { return 0 };
    let results = seen.iter_mut().filter_map(|message| match message {
        Message::Results(results) => Some(results),
        Message::User(_) | Message::Assistant(_) => None,
    });
    for result in results.flatten() {
        if size <= window {
            break;
        }
        let note = format!(
            "{DROPPED} {} bytes that {} had told; call it again if they are needed]",
            result.content.len(),
            result.name
        );
        if note.len() < result.content.len() && !result.content.starts_with(DROPPED) {
            size = size - result.content.len() + note.len();
            result.content = note;
            dropped += 1;
        }
    }
    dropped
}

fn bytes(message: &Message) -> usize {
    match message {
        Message::User(text) => text.len(),
        Message::Assistant(completion) => {
            let calls =
                completion.calls.iter().map(|call| call.name.len() + call.arguments.to_string().len());
            completion.text.len() + calls.sum::<usize>()
        }
        Message::Results(results) => results.iter().map(|result| result.content.len()).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat_model::ToolResult;

    fn results(content: &str) -> Message {
        Message::Results(vec![ToolResult {
            id: "1".to_owned(),
            name: "read_page".to_owned(),
            content: content.to_owned(),
            is_error: false,
        }])
    }

    #[test]
    fn the_oldest_results_go_first_and_the_last_stay() {
        let long = "x".repeat(900);
        let mut messages =
            vec![Message::User("q".to_owned()), results(&long), results(&long), results(&long)];
        assert_eq!(fit("", &[], &mut messages, 1_000), 0);
        assert_eq!(fit("", &[], &mut messages, 700), 1);
        let content = |message: &Message| match message {
            Message::Results(results) => results[0].content.clone(),
            _ => String::new(),
        };
        assert!(content(&messages[1]).contains("900 bytes that read_page had told"));
        assert_eq!(content(&messages[2]), long);
        assert_eq!(fit("", &[], &mut messages, 1), 1);
        assert_eq!(content(&messages[3]), long);
    }
}
