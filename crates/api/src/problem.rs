//! Problem details (RFC 9457): one table of everything that can be answered in place of success.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One field that does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where in the request, such as `name` or `files[3].path`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The body of an answer that is not success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable path under `/problems/`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem it is, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what to do.
    pub detail: String,
    /// The request's id; `null` where the same bytes have to be answered to different requests.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The fields that do not fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The tools of the page, where a command is not allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Pages that exist and are spelled alike, where one does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// The id of the record that a repeated call made the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Problem {
    /// Which row of the table it is; `None` for one that this version does not know.
    pub fn code(&self) -> Option<Code> {
        let slug = self.kind.strip_prefix(Code::BASE)?;
        Code::ALL.into_iter().find(|code| code.slug() == slug)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $status:literal, $slug:literal, $title:literal;)*) => {
        /// What kind of problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: [Self; [$($status),*].len()] = [$(Self::$name),*];

            /// Its stable name.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The HTTP status that it is answered with.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it is, in words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

impl Code {
    /// What a problem's `type` begins with.
    pub const BASE: &'static str = "/problems/";
}

codes! {
    /// The request can't be understood.
    BadRequest, 400, "bad-request", "The request can't be understood";
    /// A path that is never served.
    BadPath, 400, "bad-path", "This path is never served";
    /// A token in the query string.
    TokenInUrl, 400, "token-in-url", "A token must not be in a URL";
    /// Two different tokens.
    ConflictingTokens, 400, "conflicting-tokens", "The request carries two different tokens";
    /// A variable without a value.
    UnsetVariable, 400, "unset-variable", "A variable has no value";
    /// No token.
    Unauthorized, 401, "unauthorized", "A token is needed";
    /// A token that is not valid.
    InvalidToken, 401, "invalid-token", "The token is not valid";
    /// A scope that is too low.
    InsufficientScope, 403, "insufficient-scope", "The token's scope is too low";
    /// Giving what one does not have.
    Escalation, 403, "escalation", "A token can't give what it does not have";
    /// A command that no tool allows.
    CommandNotAllowed, 403, "command-not-allowed", "No tool of this page allows the command";
    /// A page elsewhere in a browser.
    ForeignOrigin, 403, "foreign-origin", "Pages elsewhere must not send this";
    /// Nothing there, or nothing that the caller may know of.
    NotFound, 404, "not-found", "There is nothing here";
    /// Another method is needed.
    MethodNotAllowed, 405, "method-not-allowed", "This method is not allowed here";
    /// An answer that the client does not take.
    NotAcceptable, 406, "not-acceptable", "The client does not take what would be answered";
    /// Somebody else was there first.
    Conflict, 409, "conflict", "The request conflicts with what is there";
    /// The name of an environment is taken.
    NameTaken, 409, "name-taken", "The name is taken";
    /// A repeat of a call that had succeeded.
    Repeated, 409, "repeated", "This call has succeeded before";
    /// A manifest that was not announced, or too long ago.
    UploadUnknown, 409, "upload-unknown", "This upload is not known, or not any more";
    /// More than the limits allow.
    TooLarge, 413, "too-large", "The request is too large";
    /// Another media type is needed.
    UnsupportedMediaType, 415, "unsupported-media-type", "The body has to be of another media type";
    /// A range outside the file.
    RangeNotSatisfiable, 416, "range-not-satisfiable", "The range lies outside the file";
    /// A request for a host that this is not.
    MisdirectedRequest, 421, "misdirected-request", "The request is meant for another host";
    /// Fields that do not fit.
    Invalid, 422, "invalid", "Something in the request does not fit";
    /// Too many requests.
    TooManyRequests, 429, "too-many-requests", "Too many requests";
    /// Headers beyond the limits.
    HeadersTooLarge, 431, "headers-too-large", "The request's headers are too large";
    /// Something went wrong here.
    Internal, 500, "internal", "Something went wrong here";
    /// A program that a tool names is not there.
    ProgramMissing, 500, "program-missing", "The tool's program can't be started";
    /// The store can't take the change, or the gateway is stopping.
    Unavailable, 503, "unavailable", "The gateway can't do this now";
    /// What is in memory may not be relied on.
    LeaseLost, 503, "lease-lost", "The gateway has lost touch with its database";
    /// Secrets are stored that can't be decrypted, or can't be stored.
    SecretsUnavailable, 503, "secrets-unavailable", "The environment's secrets can't be used";
    /// The disk is full.
    InsufficientStorage, 507, "insufficient-storage", "The gateway's disk is full";
}
