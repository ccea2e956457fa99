//! Finding token values in texts that clients send, so that none is kept, logged or answered.

const PREFIX: &str = "tf_";
const BODY: usize = 40;

/// Whether anything in the text looks like a token's value.
pub fn has_token_value(text: &str) -> bool {
    text.match_indices(PREFIX).any(|(place, _)| begins_with_body(text.get(place + PREFIX.len()..)))
}

/// The text, with `tf_…` in place of everything that looks like a token's value.
pub fn without_token_values(text: &str) -> String {
    let mut pieces = text.split(PREFIX);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        masked.push_str(PREFIX);
        match piece.get(BODY..) {
            Some(rest) if begins_with_body(Some(piece)) => {
                masked.push('…');
                masked.push_str(rest);
            }
            _ => masked.push_str(piece),
        }
    }
    masked
}

fn begins_with_body(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.bytes().take(BODY).filter(u8::is_ascii_alphanumeric).count() == BODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_wherever_they_stand_and_nothing_else_is() {
        let body = "0123456789".repeat(4);
        for (text, masked) in [
            (format!("tf_{body}"), "tf_…"),
            (format!("a \"tf_{body}\" b tf_{body}c"), "a \"tf_…\" b tf_…c"),
            (format!("tf_tf_{body}"), "tf_tf_…"),
            (format!("tf_{}", &body[1..]), &format!("tf_{}", &body[1..])),
            (format!("tf_{}é", &body[1..]), &format!("tf_{}é", &body[1..])),
            (body.clone(), &body),
            ("tf_".to_owned(), "tf_"),
            (String::new(), ""),
        ] {
            assert_eq!(without_token_values(&text), masked, "{text}");
            assert_eq!(has_token_value(&text), text != masked, "{text}");
        }
    }
}
