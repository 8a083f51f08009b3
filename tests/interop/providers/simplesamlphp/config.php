<?php
// SimpleSAMLphp as identity provider of the interoperability tests. Paths come from the environment.

$folder = getenv('INTEROP_FOLDER');

$config = [
    'baseurlpath' => getenv('INTEROP_URL') . '/',
    'certdir' => $folder . '/',
    'loggingdir' => $folder . '/',
    'datadir' => $folder . '/data/',
    'tempdir' => $folder . '/tmp',
    'metadatadir' => __DIR__ . '/metadata/',
    'attributenamemapdir' => '/usr/share/simplesamlphp/config/attributemap/',

    'secretsalt' => getenv('INTEROP_SALT'),
    'auth.adminpassword' => getenv('INTEROP_SALT'),
    'admin.checkforupdates' => false,
    'timezone' => 'UTC',
    'trusted.url.domains' => null,

    'logging.level' => SimpleSAML\Logger::INFO,
    'logging.handler' => 'errorlog',
    'logging.format' => '%level %msg',
    'showerrors' => true,
    'errorreporting' => false,

    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],

    'session.phpsession.savepath' => $folder . '/sessions',
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'language.cookie.secure' => false,
    'language.cookie.samesite' => null,
    'language.available' => ['en'],
    'language.default' => 'en',
    'store.type' => 'phpsession',

    'authproc.idp' => [],

    'metadata.sources' => [['type' => 'flatfile']],
];
