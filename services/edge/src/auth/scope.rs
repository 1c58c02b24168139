//! What a caller may do, as tokens name it. Pure.

use std::fmt;

use tools::Profile;

/// One right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Read,
    Trade,
    Admin,
    /// Approving what others have placed; in no agent's hands.
    Approve,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Trade, Self::Admin, Self::Approve];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "mcp.read",
            Self::Trade => "mcp.trade",
            Self::Admin => "mcp.admin",
            Self::Approve => "trade.approve",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// What the tools of `profile` need.
    pub(crate) const fn of_tools(profile: Profile) -> Self {
        match profile {
            Profile::Readonly | Profile::CompatTws => Self::Read,
            Profile::Trading => Self::Trade,
            Profile::Admin => Self::Admin,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of rights. None contains another: who may trade may not read unless that is said too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// What everybody has where nobody is asked who he is. Approval is for people who are known.
    pub(crate) const OPEN: Self = Self(Scope::Read.bit() | Scope::Trade.bit() | Scope::Admin.bit());

    /// Every name must be known; they stand apart by commas or blanks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = text.split([',', ' ']).filter(|name| !name.is_empty());
        let scopes = names.map(|name| Scope::parse(name).ok_or_else(|| unknown(name)));
        let scopes: Self = scopes.collect::<Result<_, _>>()?;
        if scopes == Self::default() { Err(format!("name at least one scope of {}", all())) } else { Ok(scopes) }
    }

    /// As an issuer of tokens writes them: what it means for others is passed over.
    pub(crate) fn known<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        names.filter_map(Scope::parse).collect()
    }

    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// The names with `between` in between.
    pub fn joined(self, between: &str) -> String {
        self.iter().map(Scope::as_str).collect::<Vec<_>>().join(between)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({})", self.joined(" "))
    }
}

fn all() -> String {
    Scope::ALL.map(Scope::as_str).join(", ")
}

fn unknown(name: &str) -> String {
    let shown: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
    format!("there is no scope `{shown}`; there are {}", all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_named_exactly() {
        let both = Scopes::parse("mcp.trade,mcp.read").expect("known");
        assert_eq!((both, both.joined(" ").as_str()), (Scopes::parse(" mcp.read  mcp.trade ").expect("known"), "mcp.read mcp.trade"));
        assert!(both.has(Scope::Read) && both.has(Scope::Trade) && !both.has(Scope::Admin) && !both.has(Scope::Approve));
        for bad in ["", " ,", "mcp.Read", "mcp.read,mcp", "admin", "mcp.read;mcp.trade"] {
            assert!(Scopes::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Scopes::known("openid mcp.admin email".split(' ')), Scopes::parse("mcp.admin").expect("known"));
    }

    #[test]
    fn nobody_approves_without_being_known() {
        assert!(!Scopes::OPEN.has(Scope::Approve));
        for profile in Profile::ALL {
            assert_ne!(Scope::of_tools(*profile), Scope::Approve);
        }
    }
}
