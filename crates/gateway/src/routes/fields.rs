//! Parsing the fields of a request, with every fault of it told at once.

use std::fmt::Display;

use toolfront_api::FieldError;

use crate::problem::Refusal;

/// The faults that were found so far.
#[derive(Debug, Default)]
pub(super) struct Fields {
    faults: Vec<FieldError>,
}

impl Fields {
    /// The value, or `None` with its fault noted.
    pub(super) fn take<T, E: Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|fault| self.fault(field, fault)).ok()
    }

    /// The value of a field that may be left out.
    pub(super) fn take_optional<T, E: Display>(
        &mut self,
        field: &str,
        parsed: Option<Result<T, E>>,
    ) -> Option<T> {
        parsed.and_then(|parsed| self.take(field, parsed))
    }

    /// The value, or `None` with all its faults noted.
    pub(super) fn take_all<T>(&mut self, parsed: Result<T, Vec<FieldError>>) -> Option<T> {
        parsed.map_err(|faults| self.faults.extend(faults)).ok()
    }

    pub(super) fn fault(&mut self, field: &str, message: impl Display) {
        self.faults.push(FieldError { field: field.to_owned(), message: message.to_string() });
    }

    /// `value`, unless there were faults.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Refusal> {
        if self.faults.is_empty() { Ok(value) } else { Err(Refusal::invalid(self.faults)) }
    }

    /// The refusal for a value that is missing because of a fault that was noted.
    pub(super) fn refuse(self) -> Refusal {
        Refusal::invalid(self.faults)
    }
}
