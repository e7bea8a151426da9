#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn name_of(text: &str) -> Result<String, SoapError> {
    read_body(text, "Answer", |node| {
        Ok(child_text(node, "Name").unwrap_or_default().to_owned())
    })
}

#[test]
fn prefixes_and_namespaces_do_not_matter() {
    for text in [
        "<Envelope><Body><Answer><Name>dome</Name></Answer></Body></Envelope>",
        "<a:Envelope xmlns:a='urn:a'><a:Header/><a:Body><b:Answer xmlns:b='urn:b'><b:Name> dome </b:Name></b:Answer></a:Body></a:Envelope>",
        "\u{feff}\n <?xml version='1.0'?><Envelope xmlns='urn:x'><Body><Answer><Name><![CDATA[dome]]></Name></Answer></Body></Envelope>\n\0",
    ] {
        assert_eq!(name_of(text).unwrap(), "dome", "{text}");
    }
}

#[test]
fn a_prefix_that_was_never_declared_is_forgiven() {
    let text = "<?xml version='1.0'?><!-- camera --><s:Envelope xmlns:s='urn:s'><s:Body><ptz:Answer q:kind='1'><tt:Name>dome</tt:Name></ptz:Answer></s:Body></s:Envelope>";
    assert_eq!(name_of(text).unwrap(), "dome");
}

#[test]
fn what_is_escaped_is_read_back() {
    let name = "a<b>&\"c\"'d'";
    let body = format!("<Answer><Name>{}</Name></Answer>", escaped(name));
    assert_eq!(name_of(&envelope("", &body)).unwrap(), name);
}

#[test]
fn faults_of_both_versions_are_told() {
    let new = "<s:Envelope xmlns:s='urn:s'><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang='en'>Sender\n not  Authorized</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>";
    let Err(SoapError::Fault(fault)) = name_of(new) else {
        panic!("no fault");
    };
    assert_eq!(fault.codes, ["Sender", "NotAuthorized"]);
    assert_eq!(
        fault.to_string(),
        "it answered \"Sender not Authorized\" (NotAuthorized)"
    );
    assert!(fault.refuses_user());
    let old = "<Envelope><Body><Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>no such method</faultstring></Fault></Body></Envelope>";
    let Err(SoapError::Fault(fault)) = name_of(old) else {
        panic!("no fault");
    };
    assert_eq!(fault.to_string(), "it answered \"no such method\" (Client)");
    assert!(!fault.refuses_user());
}

#[test]
fn entities_and_sheer_size_are_refused() {
    let bomb =
        "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><Envelope><Body><Answer>&b;</Answer></Body></Envelope>";
    assert!(matches!(name_of(bomb), Err(SoapError::NotXml(_))));
    let deep = "<a>".repeat(300_000);
    assert!(matches!(name_of(&deep), Err(SoapError::NotXml(_))));
    let closed = format!("{}{}", "<a>".repeat(40_000), "</a>".repeat(40_000));
    assert!(matches!(name_of(&closed), Err(SoapError::Unexpected { .. })));
    let wide = format!("<a {}/>", (0..60_000).map(|n| format!("b{n}='' ")).collect::<String>());
    assert!(matches!(name_of(&wide), Err(SoapError::NotXml(_))));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = name_of(&text);
    }

    #[test]
    fn no_mangled_envelope_makes_it_panic(
        cut in 0_usize..200,
        inserted in "[<>&;:/!\\[\\]='\"a-z ?-]{0,12}",
    ) {
        let mut text = envelope("<h:x xmlns:h='urn:h'/>", "<t:Answer xmlns:t='urn:t'><t:Name>dome</t:Name></t:Answer>");
        let at = cut.min(text.len());
        text.insert_str(at, &inserted);
        let _ = name_of(&text);
        text.truncate(at + inserted.len());
        let _ = name_of(&text);
    }
}
