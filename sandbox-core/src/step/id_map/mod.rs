//! The id maps of the user namespace: until they are written no id is valid in it, user_namespaces(7).

mod decide;
mod outside;
mod ranges;

use std::cell::RefCell;
use std::ffi::CStr;
use std::os::fd::AsFd;

pub use decide::{Maps, Writer, decide};
pub use outside::{Helper, plan as plan_outside};

use super::{Context, Step};
use crate::error::Failure;
use crate::setting::text::show;
use crate::sys::call::Call;
use crate::sys::{file, refused};
use outside::{GID, OTHERS, UID};

pub struct IdMap {
    maps: Maps,
    texts: [String; 2],
    /// What a tool that refused had to say.
    said: RefCell<String>,
}

/// Planned with a user namespace.
pub fn plan(maps: Option<&Maps>) -> Option<IdMap> {
    let maps = maps?.clone();
    let texts = [ranges::text(&maps.uid.ranges), ranges::text(&maps.gid.ranges)];
    Some(IdMap { maps, texts, said: RefCell::default() })
}

const FILES: [&CStr; 3] = [c"/proc/self/setgroups", c"/proc/self/uid_map", c"/proc/self/gid_map"];

impl IdMap {
    fn each(&self) -> [(usize, &decide::Map, &str); 2] {
        let [uid, gid] = &self.texts;
        [(UID, &self.maps.uid, uid), (GID, &self.maps.gid, gid)]
    }

    /// Less than was planned, or something else, is a failure (EBADE), whatever a tool says it did.
    fn verify(&self) -> Result<(), Failure> {
        for (number, map, _) in self.each() {
            let failed = |failure: Failure| failure.on(number);
            let Some(path) = FILES.get(number) else { continue };
            let open = file::open(None, path, libc::O_RDONLY, 0).map_err(failed)?;
            // 340 lines of 33 bytes, and a byte by which too much is seen.
            let (mut text, mut buffer) = (Vec::new(), [0; 1024]);
            loop {
                match file::read(open.as_fd(), &mut buffer).map_err(failed)? {
                    0 => break,
                    length => text.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                }
            }
            if !ranges::same(&map.ranges, &ranges::parse(&String::from_utf8_lossy(&text))) {
                return Err(failed(refused(Call::Read, libc::EBADE)));
            }
        }
        Ok(())
    }
}

impl Maps {
    /// Whether a set-user-ID program has to run before the sandbox is there.
    pub fn need_tool(&self) -> bool {
        [&self.uid, &self.gid].iter().any(|map| matches!(map.writer, Writer::Tool(_)))
    }

    /// Whether a process with the capability could become another user, or another group, inside.
    pub fn have_others(&self) -> bool {
        [&self.uid, &self.gid].iter().any(|map| map.ranges.len() > 1 || map.ranges.iter().any(|range| range.count > 1))
    }
}

impl Step for IdMap {
    fn name(&self) -> &'static str {
        "id maps"
    }
    fn describe(&self) -> String {
        let setgroups = if self.maps.deny_setgroups { "setgroups deny" } else { "setgroups as it is" };
        let show = |name: &str, map: &decide::Map, text: &str| {
            let by = match &map.writer {
                Writer::Own => String::new(),
                Writer::Outside => " from outside".into(),
                Writer::Tool(program) => format!(" by {}", program.to_string_lossy()),
            };
            format!("{name} \"{}\"{by}", text.trim_end().replace('\n', ", "))
        };
        let [uid, gid] = self.each();
        format!("{setgroups}, {}, {}", show("uid_map", uid.1, uid.2), show("gid_map", gid.1, gid.2))
    }
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        // setgroups first: without its denial the kernel refuses an unprivileged gid map (CVE-2014-8989), and with the map
        // there it takes no denial any more.
        if self.maps.deny_setgroups {
            file::write_file(c"/proc/self/setgroups", b"deny").map_err(|failure| failure.on(0))?;
        }
        for (number, map, text) in self.each() {
            if map.writer == Writer::Own
                && let Some(path) = FILES.get(number)
            {
                file::write_file(path, text.as_bytes()).map_err(|failure| failure.on(number))?;
            }
        }
        let Some(helper) = context.helper.take() else { return Ok(()) };
        helper.finish().map_err(|(failure, said)| {
            let line = said.split(|&b| b == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
            self.said.replace(show(line).chars().take(300).collect());
            failure
        })?;
        self.verify()
    }
    fn object(&self, number: u32) -> String {
        let number = number as usize;
        if let Some(path) = FILES.get(number) {
            return path.to_string_lossy().into_owned();
        }
        let writer =
            self.each().into_iter().find(|(map, ..)| map + OTHERS == number).map(|(map, of, _)| (map, &of.writer));
        match writer {
            Some((_, Writer::Tool(program))) => {
                let (program, said) = (program.to_string_lossy(), self.said.borrow());
                if said.is_empty() { program.into_owned() } else { format!("{program} ({said})") }
            }
            Some((UID, _)) => "/proc/PID/uid_map".into(),
            Some(_) => "/proc/PID/gid_map".into(),
            None => String::new(),
        }
    }
}
