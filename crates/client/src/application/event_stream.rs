//! A stream of events (`text/event-stream`) in pieces that end anywhere.

/// The most that one event may have: what is longer is no event of ours.
const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SentEvent {
    pub(super) name: String,
    pub(super) data: String,
}

/// An event is longer than any may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Cuts what comes into events.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    line: Vec<u8>,
    after_return: bool,
    name: String,
    data: Option<String>,
}

impl EventReader {
    /// Takes what came, and yields the events that it completes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<SentEvent>, TooLong> {
        let mut events = Vec::new();
        for byte in bytes {
            // A line ends with CR, LF or CRLF.
            if std::mem::replace(&mut self.after_return, *byte == b'\r') && *byte == b'\n' {
                continue;
            }
            if matches!(byte, b'\r' | b'\n') {
                let line = std::mem::take(&mut self.line);
                events.extend(self.end_line(&String::from_utf8_lossy(&line)));
            } else {
                self.line.push(*byte);
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > EVENT_BYTES_MAX {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, line: &str) -> Option<SentEvent> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| SentEvent { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // A comment, or a field that has no meaning here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> SentEvent {
        SentEvent { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_wherever_they_are_cut() {
        let text = b": hello\r\nevent: stdout\r\ndata: {\"a\":\"\xc3\xbc\"}\r\n\r\nevent: exit\ndata: 1\ndata: 2\n\n";
        let wanted = vec![event("stdout", "{\"a\":\"ü\"}"), event("exit", "1\n2")];
        for cut in 0..text.len() {
            let mut reader = EventReader::default();
            let (before, after) = text.split_at(cut);
            let mut events = reader.push(before).unwrap();
            events.extend(reader.push(after).unwrap());
            assert_eq!(events, wanted, "{cut}");
        }
    }

    #[test]
    fn an_event_without_end_is_not_held() {
        let mut reader = EventReader::default();
        let piece = vec![b'x'; 1024 * 1024];
        assert!((0..16).any(|_| reader.push(&piece) == Err(TooLong)));
    }
}
