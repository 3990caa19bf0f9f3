//! Things to choose from, each with a name as it is typed.

/// An enum with a name for each value, by which it is printed and parsed, and a list of all.
macro_rules! choice {
    ($(#[$about:meta])* pub enum $type:ident { $($(#[$help:meta])* $value:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$help])* $value,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$value),*];

            /// As it is typed.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)*
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::error::Error;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().copied().find(|choice| choice.name() == name);
                found.ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|choice| choice.name()).collect();
                    let name = $crate::quote::quoted(name);
                    $crate::error::Error::option(format!("\"{name}\" is none of {}", names.join(", ")))
                })
            }
        }
    };
}

pub(crate) use choice;
