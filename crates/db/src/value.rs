//! Values that go into a statement, one by one or as whole sets of rows.

/// One bound value. Integers are 64-bit everywhere; times are milliseconds; dates are text.
#[derive(Clone)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bool(Option<bool>),
    Blob(Option<Vec<u8>>),
}

/// The type of a column in a set of rows, as written in `{rows: id int, name text}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int,
    Text,
    Bool,
    Blob,
}

/// What names a row of a watched table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}
impl From<&Key> for Value {
    fn from(key: &Key) -> Self {
        match key {
            Key::Int(x) => Self::Int(Some(*x)),
            Key::Text(x) => Self::Text(Some(x.clone())),
            Key::Blob(x) => Self::Blob(Some(x.clone())),
        }
    }
}

/// A set of rows bound to the `{rows: …}` part of a statement; each row has one value a column.
pub type Rows = Vec<Vec<Value>>;

/// Bound values may be personal data, so they never print themselves.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Int(_) => "Int(…)",
            Self::Text(_) => "Text(…)",
            Self::Bool(_) => "Bool(…)",
            Self::Blob(_) => "Blob(…)",
        })
    }
}

macro_rules! value_from {
    ($($t:ty => $variant:ident),* $(,)?) => { $(
        impl From<$t> for Value {
            fn from(x: $t) -> Self { Self::$variant(Some(x.into())) }
        }
        impl From<Option<$t>> for Value {
            fn from(x: Option<$t>) -> Self { Self::$variant(x.map(Into::into)) }
        }
    )* };
}
value_from! {
    i64 => Int, i32 => Int, u32 => Int,
    bool => Bool,
    Vec<u8> => Blob, &[u8] => Blob,
}
macro_rules! text_from {
    ($($t:ty),*) => { $(
        impl From<$t> for Value {
            fn from(x: $t) -> Self { Self::Text(Some(storable(x.into()))) }
        }
        impl From<Option<$t>> for Value {
            fn from(x: Option<$t>) -> Self { Self::Text(x.map(|x| storable(x.into()))) }
        }
    )* };
}
text_from!(String, &str, &String);

/// PostgreSQL takes no NUL in a text; nobody means one, so it is left out on both engines.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(x: [u8; N]) -> Self {
        Self::Blob(Some(x.to_vec()))
    }
}

/// A typed id; made by `id!`.
pub trait Id: Copy {
    /// The number behind it.
    fn number(self) -> i64;
}
impl<T: Id> From<T> for Value {
    fn from(id: T) -> Self {
        Self::Int(Some(id.number()))
    }
}
impl<T: Id> From<Option<T>> for Value {
    fn from(id: Option<T>) -> Self {
        Self::Int(id.map(Id::number))
    }
}

/// `args![id, name, None::<i64>]`: the values of `$1`, `$2`, … in order.
#[macro_export]
macro_rules! args {
    ($($x:expr),* $(,)?) => { &[$($crate::Value::from($x)),*] as &[$crate::Value] };
}

/// A 64-bit id of its own type: `db::id!(/// An organisation. \n OrgId);`. In JSON it is a string,
/// because a browser loses digits beyond 2^53.
#[macro_export]
macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);
        impl<D: $crate::sqlx::Database> $crate::sqlx::Type<D> for $name
        where i64: $crate::sqlx::Type<D> {
            fn type_info() -> D::TypeInfo { <i64 as $crate::sqlx::Type<D>>::type_info() }
            fn compatible(ty: &D::TypeInfo) -> bool { <i64 as $crate::sqlx::Type<D>>::compatible(ty) }
        }
        impl<'r, D: $crate::sqlx::Database> $crate::sqlx::Decode<'r, D> for $name
        where i64: $crate::sqlx::Decode<'r, D> {
            fn decode(
                value: <D as $crate::sqlx::Database>::ValueRef<'r>,
            ) -> ::std::result::Result<Self, $crate::sqlx::error::BoxDynError> {
                Ok(Self(<i64 as $crate::sqlx::Decode<'r, D>>::decode(value)?))
            }
        }
        impl $crate::Id for $name {
            fn number(self) -> i64 { self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(s: &str) -> ::std::result::Result<Self, Self::Err> { s.parse().map(Self) }
        }
    };
}

/// A struct whose fields are read from a row by position, in the order of the SELECT list:
/// reading by position costs half of reading by name (`store.md` 2).
#[macro_export]
macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$fmeta:meta])* $fvis:vis $field:ident : $t:ty),* $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$fmeta])* $fvis $field: $t),* }
        impl<'r, R: $crate::sqlx::Row> $crate::sqlx::FromRow<'r, R> for $name
        where
            usize: $crate::sqlx::ColumnIndex<R>,
            $($t: $crate::sqlx::Decode<'r, R::Database> + $crate::sqlx::Type<R::Database>),*
        {
            fn from_row(row: &'r R) -> ::std::result::Result<Self, $crate::sqlx::Error> {
                let mut at = 0_usize..;
                $(let $field = $crate::sqlx::Row::try_get(row, at.next().unwrap_or_default())?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}
