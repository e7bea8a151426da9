//! Writes checkpoints as PyTorch does, for tests: a pickle of protocol 2 in its zip or its legacy stream.

#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::model::named::NamedTensor;

/// What a checkpoint may hold.
pub enum Value {
    /// Its kind of storage (`FloatStorage`, …), extents and little-endian numbers.
    Tensor(&'static str, Vec<usize>, Vec<u8>),
    Integer(i32),
    Float(f64),
    Dictionary(Vec<(String, Value)>),
    /// A call of a function by its module and name with one text.
    Call(&'static str, &'static str, String),
}

impl Value {
    /// A dictionary.
    pub fn of<const N: usize>(entries: [(&str, Value); N]) -> Self {
        Self::Dictionary(
            entries
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// A tensor of f32.
    pub fn floats(tensor: &NamedTensor) -> Self {
        let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::Tensor("FloatStorage", tensor.shape.clone(), bytes)
    }

    /// A small tensor of f32, of one axis.
    pub fn row(values: &[f32]) -> Self {
        Self::floats(&NamedTensor {
            shape: vec![values.len()],
            values: values.to_vec(),
        })
    }
}

/// A storage's key, number of elements and bytes.
type Storage<'a> = (String, usize, &'a [u8]);

/// As `torch.save` writes since PyTorch 1.6.
pub fn zip(value: &Value) -> Vec<u8> {
    let mut storages = Vec::new();
    let pickle = pickle(value, false, &mut storages);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut put = |name: &str, bytes: &[u8]| {
        writer.start_file(format!("archive/{name}"), options).unwrap();
        writer.write_all(bytes).unwrap();
    };
    put("data.pkl", &pickle);
    put("byteorder", b"little");
    for (key, _, bytes) in storages {
        put(&format!("data/{key}"), bytes);
    }
    put("version", b"3\n");
    writer.finish().unwrap().into_inner()
}

/// As `torch.save` wrote before.
pub fn legacy(value: &Value) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    file.extend(b"\x80\x02M\xe9\x03.");
    let mut system = b"\x80\x02}(".to_vec();
    text(&mut system, "little_endian");
    system.extend(b"\x88u.");
    file.extend(system);
    let mut storages = Vec::new();
    file.extend(pickle(value, true, &mut storages));
    file.extend(b"\x80\x02](");
    storages.iter().for_each(|(key, ..)| text(&mut file, key));
    file.extend(b"e.");
    for (_, count, bytes) in storages {
        file.extend((count as i64).to_le_bytes());
        file.extend(bytes);
    }
    file
}

fn pickle<'a>(value: &'a Value, legacy: bool, storages: &mut Vec<Storage<'a>>) -> Vec<u8> {
    let mut out = b"\x80\x02".to_vec();
    write(&mut out, value, legacy, storages);
    out.push(b'.');
    out
}

fn write<'a>(out: &mut Vec<u8>, value: &'a Value, legacy: bool, storages: &mut Vec<Storage<'a>>) {
    match value {
        Value::Integer(number) => integer(out, *number),
        Value::Float(number) => {
            out.push(b'G');
            out.extend(number.to_be_bytes());
        }
        Value::Dictionary(entries) => {
            out.extend(b"}(");
            for (name, value) in entries {
                text(out, name);
                write(out, value, legacy, storages);
            }
            out.push(b'u');
        }
        Value::Call(module, name, argument) => {
            out.extend(format!("c{module}\n{name}\n(").bytes());
            text(out, argument);
            out.extend(b"tR");
        }
        Value::Tensor(kind, shape, bytes) => {
            let (key, count) = (storages.len().to_string(), shape.iter().product());
            out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            text(out, "storage");
            out.extend(format!("ctorch\n{kind}\n").bytes());
            text(out, &key);
            text(out, "cpu");
            integer(out, count as i32);
            // Legacy streams name a view of the storage in a sixth place, here none.
            if legacy {
                out.push(b'N');
            }
            out.extend(b"tQ");
            integer(out, 0);
            extents(out, shape);
            let strides: Vec<usize> = (0..shape.len())
                .map(|axis| shape[axis + 1..].iter().product())
                .collect();
            extents(out, &strides);
            out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
            storages.push((key, count, bytes));
        }
    }
}

fn extents(out: &mut Vec<u8>, values: &[usize]) {
    out.push(b'(');
    values.iter().for_each(|&value| integer(out, value as i32));
    out.push(b't');
}

fn integer(out: &mut Vec<u8>, number: i32) {
    out.push(b'J');
    out.extend(number.to_le_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.bytes());
}
