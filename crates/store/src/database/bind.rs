//! What a statement is given.

use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

/// A parameter. One that is absent still has its kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    Integer(Option<i64>),
    Text(Option<&'v str>),
    Blob(Option<&'v [u8]>),
    Truth(bool),
}

/// The same, to be kept for a moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OwnedValue {
    Integer(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
    Truth(bool),
}

impl Value<'_> {
    pub(super) fn kept(self) -> OwnedValue {
        match self {
            Self::Integer(value) => OwnedValue::Integer(value),
            Self::Text(value) => OwnedValue::Text(value.map(str::to_owned)),
            Self::Blob(value) => OwnedValue::Blob(value.map(<[u8]>::to_vec)),
            Self::Truth(value) => OwnedValue::Truth(value),
        }
    }

    /// What the server takes it for.
    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Integer(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Blob(_) => Type::BYTEA,
            Self::Truth(_) => Type::BOOL,
        }
    }
}

impl OwnedValue {
    pub(super) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Integer(value) => Value::Integer(*value),
            Self::Text(value) => Value::Text(value.as_deref()),
            Self::Blob(value) => Value::Blob(value.as_deref()),
            Self::Truth(value) => Value::Truth(*value),
        }
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(Some(value)) => ValueRef::Integer(*value),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Blob(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Truth(value) => ValueRef::Integer(i64::from(*value)),
            Self::Integer(None) | Self::Text(None) | Self::Blob(None) => ValueRef::Null,
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Blob(value) => value.to_sql(kind, out),
            Self::Truth(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA, Type::BOOL].contains(kind)
    }

    tokio_postgres::types::to_sql_checked!();
}

/// What can be a parameter.
pub(crate) trait Bind {
    fn value(&self) -> Value<'_>;
}

/// The parameters of a statement: a tuple or an array.
pub(crate) trait Params: Sized {
    fn with<T>(self, run: impl FnOnce(&[Value<'_>]) -> T) -> T;
}

macro_rules! bind {
    ($($kind:ty: |$value:ident| $made:expr;)*) => {$(
        impl Bind for $kind {
            fn value(&self) -> Value<'_> {
                let $value = self;
                $made
            }
        }
    )*};
}

bind! {
    i64: |value| Value::Integer(Some(*value));
    u32: |value| Value::Integer(Some(i64::from(*value)));
    bool: |value| Value::Truth(*value);
    str: |value| Value::Text(Some(value));
    String: |value| Value::Text(Some(value));
    [u8]: |value| Value::Blob(Some(value));
    Vec<u8>: |value| Value::Blob(Some(value));
    Option<i64>: |value| Value::Integer(*value);
    Option<u32>: |value| Value::Integer(value.map(i64::from));
    Option<String>: |value| Value::Text(value.as_deref());
    Option<&str>: |value| Value::Text(*value);
}

impl<const N: usize> Bind for [u8; N] {
    fn value(&self) -> Value<'_> {
        Value::Blob(Some(self))
    }
}

impl<const N: usize> Bind for Option<&[u8; N]> {
    fn value(&self) -> Value<'_> {
        Value::Blob(self.map(|bytes| &bytes[..]))
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn value(&self) -> Value<'_> {
        T::value(self)
    }
}

impl<T: Bind, const N: usize> Params for [T; N] {
    fn with<R>(self, run: impl FnOnce(&[Value<'_>]) -> R) -> R {
        run(&self.each_ref().map(Bind::value))
    }
}

impl Params for () {
    fn with<R>(self, run: impl FnOnce(&[Value<'_>]) -> R) -> R {
        run(&[])
    }
}

macro_rules! tuples {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: Bind),*> Params for ($($name,)*) {
            #[expect(non_snake_case, reason = "each is named after its type")]
            fn with<Result>(self, run: impl FnOnce(&[Value<'_>]) -> Result) -> Result {
                let ($($name,)*) = self;
                run(&[$($name.value()),*])
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J K L M N O;
}
