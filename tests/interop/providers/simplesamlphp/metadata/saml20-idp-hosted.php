<?php
// Speaks as a research or university identity provider does: attribute names are OIDs, the subject is `subject-id`.

$metadata[getenv('INTEROP_URL') . '/metadata'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'simplesamlphp.key',
    'certificate' => 'simplesamlphp.crt',
    'auth' => 'directory',

    'SingleSignOnServiceBinding' => [SAML2\Constants::BINDING_HTTP_REDIRECT, SAML2\Constants::BINDING_HTTP_POST],
    'SingleLogoutServiceBinding' => [SAML2\Constants::BINDING_HTTP_REDIRECT, SAML2\Constants::BINDING_HTTP_POST],
    'validate.authnrequest' => true,
    'validate.logout' => true,
    'sign.logout' => true,
    'redirect.validate' => true,
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'saml20.sign.response' => true,
    'saml20.sign.assertion' => true,

    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
    'authproc' => [
        10 => ['class' => 'core:AttributeMap', 'subject-id' => 'urn:oasis:names:tc:SAML:attribute:subject-id'],
        20 => ['class' => 'core:AttributeMap', 'name2oid'],
    ],
];
