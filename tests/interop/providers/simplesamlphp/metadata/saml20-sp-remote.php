<?php
// The service providers whose metadata was given to us. Those with `-sealed` in their name get encrypted assertions.

use SimpleSAML\Metadata\SAMLParser;

foreach (glob(getenv('INTEROP_FOLDER') . '/service-providers/*.xml') as $file) {
    foreach (SAMLParser::parseDescriptorsFile($file) as $id => $entity) {
        $metadata[$id] = $entity->getMetadata20SP();
        if (str_contains($id, '-sealed/')) {
            $metadata[$id]['assertion.encryption'] = true;
        }
    }
}
