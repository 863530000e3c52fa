//! The names of the uts namespace.

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::Namespace;
use crate::setting::text::show;
use crate::sys::process;

pub struct Names {
    host: Vec<u8>,
    domain: Option<Vec<u8>>,
}

/// Planned with a new uts namespace; the host's own names are never changed.
pub fn plan(policy: &Policy, wanted: &Wanted) -> Result<Option<Names>, PolicyError> {
    let (host, domain) = (policy.hostname.as_ref(), policy.domainname.as_ref());
    if !wanted.is_new(Namespace::Uts) {
        return match (host, domain) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(PolicyError::conflict("hostname", "needs a new uts namespace")),
            (None, Some(_)) => Err(PolicyError::conflict("domainname", "needs a new uts namespace")),
        };
    }
    Ok(Some(Names {
        host: host.map_or_else(|| b"sandbox".into(), |name| name.0.to_bytes().into()),
        domain: domain.map(|name| name.0.to_bytes().into()),
    }))
}

impl Step for Names {
    fn name(&self) -> &'static str {
        "hostname"
    }
    fn describe(&self) -> String {
        match &self.domain {
            Some(domain) => format!("{}, NIS domain {}", show(&self.host), show(domain)),
            None => show(&self.host),
        }
    }
    fn apply(&self, _: &mut Context) -> Result<(), Failure> {
        process::set_hostname(&self.host)?;
        self.domain.as_deref().map_or(Ok(()), process::set_domainname)
    }
    fn object(&self, _: u32) -> String {
        self.describe()
    }
}
