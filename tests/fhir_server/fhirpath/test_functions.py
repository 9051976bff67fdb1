"""Each function once or more: a table of expressions that are true."""

from __future__ import annotations

import pytest

from fhir_server.fhirpath import compile_expression
from fhir_server.fhirpath.functions import FUNCTIONS

PATIENT = {"resourceType": "Patient", "name": [{"given": ["A", "B"]}, {"given": ["C"]}], "birthDate": "2000-01-01"}

TRUE = """
{}.empty()
name.exists()
name.all(given.exists())
(true | false).allTrue().not()
(true | false).anyTrue()
(true | false).anyFalse()
(false).allFalse()
(1 | 2).subsetOf(1 | 2 | 3)
(1 | 2 | 3).supersetOf(2)
name.count() = 2
(1 | 1).combine(1).distinct().count() = 1
(1 | 2).isDistinct()
name.where(given = 'C').exists()
name.select(given).count() = 3
name.repeat(given).count() = 3
(1 | 2 | 3).aggregate($this + $total, 0) = 6
iif(true, 1, 2) = 1
(2 | 1).sort().first() = 1
'a'.trace('t') = 'a'
(5).single() = 5
(1 | 2).last() = 2
(1 | 2).tail() = 2
(1 | 2 | 3).skip(2) = 3
(1 | 2 | 3).take(1) = 1
(1 | 2).intersect(2 | 3) = 2
(1 | 2).exclude(2) = 1
(1 | 2).union(2 | 3).count() = 3
name.first().is(HumanName)
birthDate.as(date).exists()
birthDate.ofType(dateTime).empty()
birthDate.type().name = 'date'
Patient.children().count() = 3
Patient.descendants().count() = 6
'yes'.toBoolean()
'12'.toInteger() = 12
'99999999999'.toInteger().empty()
'1.50'.toDecimal() = 1.5
1.50.toString() = '1.50'
'3 days'.toQuantity() = 3 days
'2020-01-01'.toDate() = @2020-01-01
@2020-01-01T10:00:00Z.toDate() = @2020-01-01
'2020-01-01T10:00:00Z'.toDateTime() = @2020-01-01T10:00:00Z
'10:30'.toTime() = @T10:30
'maybe'.convertsToBoolean().not()
'1.0'.convertsToInteger().not()
'a'.convertsToDecimal().not()
1.convertsToString()
'1 wk'.convertsToQuantity().not()
'2020-13'.convertsToDate().not()
'2020'.convertsToDateTime()
'25'.convertsToTime().not()
'abc'.startsWith('ab')
'abc'.endsWith('bc')
'abc'.contains('b')
'abc'.indexOf('c') = 2
'abcb'.lastIndexOf('b') = 3
'abc'.substring(1, 1) = 'b'
'abc'.upper() = 'ABC'
'ABC'.lower() = 'abc'
'abc'.replace('b', 'x') = 'axc'
'abc'.length() = 3
'abc'.toChars().count() = 3
' a '.trim() = 'a'
'a,b'.split(',').count() = 2
('a' | 'b').join('-') = 'a-b'
'a'.encode('base64') = 'YQ=='
'YQ=='.decode('base64') = 'a'
'!!'.decode('base64').empty()
'<'.escape('html') = '&lt;'
'&lt;'.unescape('html') = '<'
'abc'.matches('b')
'abc'.matchesFull('b').not()
'2020-01'.replaceMatches('(\\\\d+)-(\\\\d+)', '$2/$1') = '01/2020'
(-2).abs() = 2
1.1.ceiling() = 2
(-1.1).floor() = -2
(-1.9).truncate() = -1
1.25.round(1) = 1.3
9.sqrt() = 3
(-1).sqrt().empty()
0.exp() = 1
1.ln() = 0
8.log(2) = 3
2.power(10) = 1024
10.power(1000000).empty()
1.5.lowBoundary(2) = 1.45
1.5.highBoundary(2) = 1.55
@2020.highBoundary(8) = @2020-12-31
@2020-02.highBoundary() = @2020-02-29
1.50.precision() = 2
@2020-01.precision() = 6
1 'g'.comparable(1 'kg')
now() > @2020-01-01T00:00:00Z
today() > @2020-01-01
timeOfDay() >= @T00:00:00
birthDate.extension('x').empty()
birthDate.hasExtension('x').not()
birthDate.hasValue()
birthDate.getValue() = @2000-01-01
'Patient/1'.resolve() is Patient
'male'.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')
conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')
'<div xmlns="http://www.w3.org/1999/xhtml">a</div>'.htmlChecks()
'<div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div>'.htmlChecks().not()
'<div xmlns="http://www.w3.org/1999/xhtml"> </div>'.htmlChecks().not()
true.not().not()
"""

CASES = TRUE.strip().splitlines()


@pytest.mark.parametrize("text", CASES)
def test_is_true(text: str) -> None:
    assert compile_expression(text).evaluate(PATIENT) == [True]


def test_every_function_is_here() -> None:
    assert [name for name in FUNCTIONS if not any(f"{name}(" in case for case in CASES)] == []
