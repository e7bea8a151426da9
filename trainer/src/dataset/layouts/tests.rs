#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A folder with these files; what they hold does not matter to a layout unless given.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn ids(items: &Items) -> Vec<&str> {
    items.items.iter().map(|item| item.id.as_str()).collect()
}

fn open_with(data_set: DataSet, root: &Path, list: &str) -> Result<Items, LayoutError> {
    let path = root.join("list.csv");
    fs::write(&path, list).unwrap();
    open(data_set, root, Some(&path))
}

#[test]
fn vgg_sound_lists_what_has_both_files() {
    let folder = folder(&[
        ("total_video_frames/b_000010/125.jpg", ""),
        ("total_video_frames/a_000020/125.jpg", ""),
        ("total_video_frames/c_000030/124.jpg", ""),
        ("total_video_3s_audio/a_000020.wav", ""),
        ("total_video_3s_audio/b_000010.wav", ""),
        ("total_video_3s_audio/c_000030.wav", ""),
    ]);
    let all = open(DataSet::VggSound, folder.path(), None).unwrap();
    assert_eq!(ids(&all), ["a_000020", "b_000010"]);
    assert_eq!(
        all.items[0].picture,
        folder.path().join("total_video_frames/a_000020/125.jpg")
    );
    assert_eq!(
        all.items[0].sound,
        folder.path().join("total_video_3s_audio/a_000020.wav")
    );

    let listed = open_with(
        DataSet::VggSound,
        folder.path(),
        "b_000010\n\nc_000030\nb_000010\na_000020.mp4\n",
    )
    .unwrap();
    assert_eq!(ids(&listed), ["b_000010", "a_000020"]);
    assert_eq!(listed.missing, ["c_000030"]);
}

#[test]
fn lists_may_tell_classes() {
    let plain = IdList::parse("-a_1,\"people, marching\"\n# remark\n_b_2,dog barking\nc").unwrap();
    let class = |name: &str| Some(name.to_owned());
    assert_eq!(
        plain.entries,
        [
            ("-a_1".to_owned(), class("people, marching")),
            ("_b_2".to_owned(), class("dog barking")),
            ("c".to_owned(), None)
        ]
    );
    let headed = IdList::parse("\u{feff}video,start,label\na,30,bell\nb,4,\n").unwrap();
    assert_eq!(
        headed.entries,
        [("a".to_owned(), class("bell")), ("b".to_owned(), None)]
    );
}

const VGG_SS: [(&str, &str); 8] = [
    ("frame/a.jpg", ""),
    ("audio/a.wav", ""),
    (
        "anno/a.xml",
        "<annotation><object><name>x</name><bbox>0.1 0.2 0.5 0.6</bbox></object><bbox>[0.3, 0.4, 1.01, 0.8]</bbox></annotation>",
    ),
    ("frame/b.jpg", ""),
    ("audio/b.wav", ""),
    (
        "anno/b.xml",
        "<annotation><object><bndbox><ymin>0.2</ymin><xmin>0.1</xmin><xmax>0.5</xmax><ymax>0.6</ymax></bndbox></object></annotation>",
    ),
    ("anno/c.xml", "<annotation/>"),
    (
        "vggss.json",
        r#"[{"file": "b", "class": "bell", "bbox": [[0, 0.1, 0.2, 0.3], [0.5, 0.5, 1, 1]]}, {"file": "d", "bbox": [[0, 0, 1, 1]]}]"#,
    ),
];

#[test]
fn vgg_ss_in_xml() {
    let folder = folder(&VGG_SS);
    let all = open(DataSet::VggSs, folder.path(), None).unwrap();
    assert_eq!((ids(&all), &all.missing[..]), (vec!["a", "b"], &["c".to_owned()][..]));
    let boxes = vec![[0.1, 0.2, 0.5, 0.6], [0.3, 0.4, 1.01, 0.8]];
    assert_eq!(all.items[0].annotation, Some(Annotation::Union(boxes)));
    assert_eq!(
        all.items[1].annotation,
        Some(Annotation::Union(vec![[0.1, 0.2, 0.5, 0.6]]))
    );
}

#[test]
fn vgg_ss_in_json() {
    let folder = folder(&VGG_SS);
    let all = open(DataSet::VggSsLvs, folder.path(), None).unwrap();
    assert_eq!((ids(&all), &all.missing[..]), (vec!["b"], &["d".to_owned()][..]));
    assert_eq!(all.items[0].category.as_deref(), Some("bell"));
    let boxes = vec![[0.0, 0.1, 0.2, 0.3], [0.5, 0.5, 1.0, 1.0]];
    assert_eq!(all.items[0].annotation, Some(Annotation::Union(boxes)));
}

#[test]
fn the_open_set_is_a_list_over_vgg_ss() {
    let folder = folder(&VGG_SS);
    let heard = open_with(DataSet::OpenSetHeard, folder.path(), "b,bell\nz,bell").unwrap();
    assert_eq!((ids(&heard), &heard.missing[..]), (vec!["b"], &["z".to_owned()][..]));
    assert_eq!(heard.items[0].category.as_deref(), Some("bell"));
    assert!(matches!(
        open(DataSet::OpenSetUnheard, folder.path(), None),
        Err(LayoutError::ListNeeded)
    ));

    fs::remove_dir_all(folder.path().join("anno")).unwrap();
    let unheard = open_with(DataSet::OpenSetUnheard, folder.path(), "b").unwrap();
    assert!(matches!(&unheard.items[0].annotation, Some(Annotation::Union(boxes)) if boxes.len() == 2));
}

#[test]
fn flickr_trains_on_four_seconds() {
    let folder = folder(&[("frames/12/00000003.jpg", ""), ("mp3/12.mp3", ""), ("mp3/13.mp3", "")]);
    let all = open(DataSet::Flickr, folder.path(), None).unwrap();
    assert_eq!(ids(&all), ["12"]);
    assert_eq!(all.items[0].first_seconds, Some(4.0));
}

#[test]
fn flickr_tests_have_one_box_of_each_annotator() {
    let annotator = |name: &str, left: u32| {
        format!("<annotator><bbox><id>{name}</id><x0>{left}</x0><y0>20</y0><x1>200</x1><y1>256</y1></bbox></annotator>")
    };
    let xml = format!(
        "<annotation>{}{}</annotation>",
        annotator("7", 10),
        annotator("anne", 30)
    );
    let folder = folder(&[("frame/12.jpg", ""), ("mp3/12.mp3", ""), ("anno/12.xml", &xml)]);
    let all = open(DataSet::FlickrTest, folder.path(), None).unwrap();
    let boxes = vec![[10.0, 20.0, 200.0, 256.0], [30.0, 20.0, 200.0, 256.0]];
    assert_eq!(all.items[0].annotation, Some(Annotation::Consensus(boxes)));
    assert_eq!(all.items[0].first_seconds, None);
}

#[test]
fn pairs_lie_beside_their_table() {
    let table = "sound,image,boxes,class,id\n\
                 s/a.flac,p/a.png,0.1 0.2 0.3 0.4; 0 0 1 1,bell,one\n\
                 s/a.flac,p/b.png,,,\n\
                 s/a.flac,p/b.png\n\
                 s/gone.flac,p/a.png,,,two\n";
    let folder = folder(&[("pairs.csv", table), ("p/a.png", ""), ("p/b.png", ""), ("s/a.flac", "")]);
    for root in [folder.path().to_owned(), folder.path().join("pairs.csv")] {
        let all = open(DataSet::Pairs, &root, None).unwrap();
        assert_eq!(ids(&all), ["one", "p/b.png", "p/b.png:4"]);
        assert_eq!(all.missing, ["two"]);
        let boxes = vec![[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 1.0]];
        assert_eq!(all.items[0].annotation, Some(Annotation::Union(boxes)));
        assert_eq!(
            (all.items[0].category.as_deref(), &all.items[1].category),
            (Some("bell"), &None)
        );
    }
    let chosen = open_with(DataSet::Pairs, folder.path(), "three\none").unwrap();
    assert_eq!(
        (ids(&chosen), &chosen.missing[..]),
        (vec!["one"], &["three".to_owned()][..])
    );
}

#[test]
fn errors_name_the_file_and_what_is_wrong() {
    let told = |data_set, files: &[(&str, &str)]| {
        let folder = folder(files);
        open(data_set, folder.path(), None).unwrap_err().to_string()
    };
    let said = told(DataSet::VggSs, &[]);
    assert!(said.contains("anno"), "{said}");
    let said = told(DataSet::VggSound, &[("total_video_3s_audio/a.wav", "")]);
    assert!(said.contains("`vgg-sound`"), "{said}");
    let files = |xml| [("frame/a.jpg", ""), ("audio/a.wav", ""), ("anno/a.xml", xml)];
    for (xml, cause) in [
        ("<annotation/>", "no <bbox>"),
        ("<annotation>", "not XML"),
        ("<a>\n<bbox>1 2 3</bbox></a>", "line 2"),
        ("<a><bbox>1 2 3 many</bbox></a>", "many"),
        ("<a><bbox>0.1 0.2 NaN 0.3</bbox></a>", "NaN"),
        ("<a><bbox>10 20 200 210</bbox></a>", "shares of the frame"),
    ] {
        let said = told(DataSet::VggSs, &files(xml));
        assert!(said.contains("a.xml") && said.contains(cause), "{said}");
    }
    let said = told(DataSet::Pairs, &[("pairs.csv", "picture,sound\na,b")]);
    assert!(said.contains("pairs.csv") && said.contains("`image`"), "{said}");
    let said = told(DataSet::Pairs, &[("pairs.csv", "image,sound,boxes\na,b,1 2")]);
    assert!(said.contains("line 2"), "{said}");
    let said = told(
        DataSet::VggSsLvs,
        &[("vggss.json", r#"[{"file": "a", "bbox": [[1, 2, 3]]}]"#)],
    );
    assert!(said.contains("vggss.json"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsers_never_panic(text in "\\PC*", marked in "[<>/\"'&;:,.\\[\\]{} a-c0-9\\-eNx\n\r#!?]{0,80}") {
        for text in [&text, &marked, &format!("<a><bbox>{marked}</bbox></a>"), &format!("image,sound,boxes\n{marked}")] {
            let _ = (boxes_of_xml(text), boxes_of_text(text), boxes_of_json(text));
            let _ = (IdList::parse(text), pairs::parse(text, Path::new("")));
        }
    }

    #[test]
    fn boxes_come_back_from_text_and_xml(boxes in prop::collection::vec(prop::array::uniform4(0.0_f64..1.0), 1..5)) {
        let line = |edges: &[f64; 4]| edges.map(|edge| edge.to_string()).join(" ");
        let text: Vec<_> = boxes.iter().map(line).collect();
        prop_assert_eq!(boxes_of_text(&text.join(";")).unwrap(), boxes.clone());
        let xml: String = text.iter().map(|text| format!("<bbox>\n{text}\n</bbox>")).collect();
        prop_assert_eq!(boxes_of_xml(&format!("<a>{xml}</a>")).unwrap(), boxes);
    }
}
